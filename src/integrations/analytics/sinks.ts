import { createHash } from 'node:crypto';
import type { EventSettings } from '../../config-events.ts';
import { isUnsent, PermanentError } from '../../errors.ts';
import { unsent } from '../api-errors.ts';
import type { CircuitOptions } from '../circuit.ts';
import { type BusinessEvent, parseEvent } from './business-event.ts';
import { createPlaces, type PlacesOptions } from './places.ts';
import { createPostHog } from './posthog.ts';
import { createWebhookOut } from './webhook-out.ts';

interface Parts {
  readonly onFailure: (failure: { operation: string; code: string }) => void;
  readonly circuit?: CircuitOptions;
  readonly places?: PlacesOptions;
}

/** Who is told of business events. */
export interface EventSinks {
  readonly configured: readonly { readonly name: string; readonly addressHash: string }[];
  /** Sends events to PostHog; the n-th result belongs to the n-th event. */
  capture(events: readonly unknown[]): Promise<(Error | 'taken' | 'not_configured')[]>;
  /** Sends one event to an endpoint, once; see webhook-out.ts. OutageError while the endpoint is slow and has no place left. */
  deliver(
    sink: string,
    event: unknown,
    signal: AbortSignal,
  ): Promise<'delivered' | 'gone' | 'not_configured'>;
}

export function openEventSinks(
  { posthog, webhooks }: EventSettings,
  partsOf: (provider: string) => Parts,
): EventSinks {
  const capturing = posthog === null ? null : createPostHog({ ...posthog, ...partsOf('posthog') });
  const endpoints = new Map(
    webhooks.map(({ name: short, url, secrets }) => {
      const name = `webhook-${short}`;
      const { places, ...parts } = partsOf(name);
      return [
        name,
        { out: createWebhookOut({ name, url, secrets, ...parts }), places: createPlaces(places) },
      ];
    }),
  );
  const addresses = [
    ...(posthog === null ? [] : [{ name: 'posthog', address: posthog.host }]),
    ...webhooks.map(({ name, url }) => ({ name: `webhook-${name}`, address: url })),
  ];
  return {
    configured: addresses.map(({ name, address }) => ({
      name,
      addressHash: createHash('sha256').update(address).digest('hex'),
    })),
    async capture(given) {
      const parsed = given.map(eventOrError);
      const events = parsed.flatMap((event) => (event instanceof Error ? [] : [event]));
      const result = await sendAll(capturing, events);
      return parsed.map((event) => (event instanceof Error ? event : result));
    },
    async deliver(sink, event, signal) {
      const endpoint = endpoints.get(sink);
      if (endpoint === undefined) return 'not_configured';
      const parsed = parseEvent(event);
      const leave = endpoint.places.enter();
      if (leave === null) throw unsent(sink, 'deliver', 'busy');
      let wasSent = true;
      try {
        return await endpoint.out.deliver(parsed, signal);
      } catch (error) {
        wasSent = !isUnsent(error);
        throw error;
      } finally {
        leave(wasSent);
      }
    },
  };
}

async function sendAll(
  sink: ReturnType<typeof createPostHog> | null,
  events: readonly BusinessEvent[],
): Promise<Error | 'taken' | 'not_configured'> {
  if (sink === null) return 'not_configured';
  try {
    if (events.length > 0) await sink.capture(events);
    return 'taken';
  } catch (error) {
    return error instanceof Error ? error : new Error('a thrown value that is no error');
  }
}

function eventOrError(event: unknown): BusinessEvent | PermanentError {
  try {
    return parseEvent(event);
  } catch (error) {
    if (error instanceof PermanentError) return error;
    throw error;
  }
}
