import { createHash } from 'node:crypto';
import type { Config } from '../../config.ts';
import { readSecrets } from '../../config-files.ts';
import { PermanentError } from '../../errors.ts';
import type { StripeWebhook } from '../../integrations/stripe/events.ts';

/** What senders sign with; a sender without secrets is unknown here. */
export type ReceiverSecrets = Pick<
  Config,
  | 'publicUrl'
  | 'stripeWebhookSecrets'
  | 'stripeConnectWebhookSecrets'
  | 'callRailSigningKeys'
  | 'callWebhookSecrets'
  | 'twilioSigningTokens'
  | 'pathSecrets'
  | 'hmacReceivers'
>;

/** A request as it came: nothing of it is parsed before it is verified. */
export interface Delivery {
  readonly body: Buffer;
  /** Path and query. */
  readonly target: string;
  /** A part of the path that has a name. */
  param(name: string): string;
  /** Undefined where it did not come; one that came more than once is joined by commas. */
  header(name: string): string | undefined;
}

/** What a verified delivery is. `ignored`: it reports nothing that is used, which is why it is dropped. */
export type Taken = Reported & {
  /** Fields that no signature covers and that nobody reads therefore; it is counted. */
  readonly leftOut?: readonly string[];
};
type Reported =
  | {
      readonly call: {
        readonly source: string;
        readonly kind: string;
        readonly eventId: string;
        /** The report, where it is not the body. */
        readonly body?: Buffer;
      };
    }
  | { readonly stripe: StripeWebhook }
  | { readonly ignored: string };

/** One address that webhooks come to. The texts are the rows of docs/receivers.md. */
export interface Receiver {
  /** The source of its calls, unless its path has one. */
  readonly name: string;
  readonly path: string;
  /** How a sender shows who it is, and whether a replay is refused. */
  readonly verified: string;
  /** All the headers that it reads, in lower case. */
  readonly headers: readonly string[];
  readonly variables: readonly string[];
  /** What makes two deliveries one event. */
  readonly eventId: string;
  readonly enqueues: string;
  /** The answer to what was taken in, where the sender wants another than 202 and JSON. */
  readonly answer?: { readonly statusCode: number; readonly contentType: string; readonly body: string };
  /** Where its path names the source: those that it is configured for. */
  sources?(secrets: ReceiverSecrets): readonly string[];
  /** Verifies, then reads. Throws PermanentError ROUTE_UNKNOWN, SIGNATURE_INVALID or BODY_MALFORMED. */
  take(delivery: Delivery, secrets: ReceiverSecrets, nowMs: number): Taken;
}

/** The kind of what is signed and does not tell what it is. It is enqueued, so that it becomes a dead letter, whole. */
export const UNREAD = 'unread';

/** What a verified body says; nothing where it cannot be read. */
export function readIfReadable(read: () => Record<string, unknown>): Record<string, unknown> {
  try {
    return read();
  } catch (error) {
    if (error instanceof PermanentError && error.code === 'BODY_MALFORMED') return {};
    throw error;
  }
}

/** The id of an event that its sender gives none. */
export const hashOf = (body: Uint8Array) => createHash('sha256').update(body).digest('hex');

export const unknownRoute = () => new PermanentError('ROUTE_UNKNOWN', 'No such webhook is received here.');

/** The settings of a source, by its own name only. Throws ROUTE_UNKNOWN. */
export function settingsOf<T>(of: Readonly<Record<string, T>>, source: string): T {
  const settings = Object.hasOwn(of, source) ? of[source] : undefined;
  if (settings === undefined) throw unknownRoute();
  return settings;
}

/** The secrets, or ROUTE_UNKNOWN where there are none. */
export function secretsOrUnknown<T>(secrets: readonly T[]): readonly T[] {
  if (secrets.length === 0) throw unknownRoute();
  return secrets;
}

/** The same, with those that stand in files as these are now. A file that cannot be read is our fault: 500, which not every sender sends again. */
export const textSecretsOrUnknown = (secrets: readonly string[]) => readSecrets(secretsOrUnknown(secrets));
