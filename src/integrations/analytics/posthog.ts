import { z } from 'zod';
import type { ApiError } from '../../errors.ts';
import { Away, handleApiError, Refused, Unreadable } from '../api-errors.ts';
import type { BusinessEvent } from './business-event.ts';

export interface PostHogOptions {
  /** Of the project, `phc_…`. */
  readonly key: string;
  readonly host: string;
  /** Of one request. Default 10,000. */
  readonly timeoutMs?: number;
  readonly onFailure: (failure: { operation: string; code: string }) => void;
}

export interface PostHogSink {
  /**
   * Sends events in one request, and resolves when PostHog has taken them: nothing waits in memory for a later one, or for a
   * shutdown. One that is sent again has the same id, by which PostHog drops it. Throws ApiError or OutageError.
   */
  capture(events: readonly BusinessEvent[]): Promise<void>;
}

const httpFailure = z.object({ status: z.int() });

/** By PostHog's own library, which is loaded where it is used. */
export function createPostHog({ key, host, timeoutMs = 10_000, onFailure }: PostHogOptions): PostHogSink {
  return {
    async capture(events) {
      const { PostHog } = await import('posthog-node');
      // A client for each batch: what an earlier one could not send is sent again by its row, and by nothing else.
      const client = new PostHog(key, {
        ...{ host, requestTimeout: timeoutMs, flushAt: events.length + 1, flushInterval: 0 },
        ...{ fetchRetryCount: 0, disableGeoip: true },
      });
      for (const { id, kind, atMs, data } of events)
        client.capture({
          ...{ event: kind, uuid: id, timestamp: new Date(atMs) },
          distinctId: 'supplierId' in data ? data.supplierId : 'buyerId' in data ? data.buyerId : 'exchange',
          // Parties are no persons whom PostHog should keep a profile of.
          properties: { ...data, $process_person_profile: false },
        });
      try {
        await client.flush();
      } catch (error) {
        const failure = failureOf('batch', error, key);
        onFailure({ operation: 'batch', code: failure.code });
        throw failure.retryable ? new Away(failure, null).outage() : failure;
      }
    },
  };
}

/**
 * Whether PostHog knows the project of a key: the library asks for the flags of a person whom nobody has, which makes no event and
 * no person. It throws nothing, and tells its errors. PostHog's own server answers 401 to a key that no project has.
 */
export async function checkPostHog({ key, host, timeoutMs = 10_000 }: Omit<PostHogOptions, 'onFailure'>) {
  const { PostHog } = await import('posthog-node');
  const client = new PostHog(key, {
    ...{ host, featureFlagsRequestTimeoutMs: timeoutMs, featureFlagsRequestMaxRetries: 0 },
    ...{ disableGeoip: true },
  });
  const errors: unknown[] = [];
  client.on('error', (error: unknown) => errors.push(error));
  await client.getAllFlags('callclear-doctor');
  const [error] = errors;
  if (error !== undefined) throw failureOf('flags', error, key);
}

function failureOf(operation: string, error: unknown, key: string): ApiError {
  const answered = httpFailure.safeParse(error);
  let cause = error;
  if (answered.success) cause = new Refused({ statusCode: answered.data.status, code: null, waitMs: null });
  if (error instanceof SyntaxError) cause = new Unreadable('no JSON', { cause: error });
  return handleApiError('posthog', operation, cause, { secrets: [key] });
}
