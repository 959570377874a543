import { isUtf8 } from 'node:buffer';
import Stripe from 'stripe';
import { z } from 'zod';
import { PermanentError } from '../../errors.ts';

/** What a webhook of Stripe points at. It is a hint: whoever acts on it fetches the present object. */
export interface StripeWebhook {
  readonly eventId: string;
  readonly type: string;
  /** Null where the object has no id of its own (`balance.available`) or the event names none. */
  readonly objectId: string | null;
  /** `acct_…` of the connected account, or null for the platform's own. */
  readonly account: string | null;
  readonly createdMs: number;
  readonly livemode: boolean;
}

const TOLERANCE_S = 300;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

const { webhooks } = Stripe;

/** Also what the list of events has. */
export const snapshotSchema = z
  .object({
    object: z.literal('event'),
    id: z.string().min(1),
    type: z.string().min(1),
    account: z.string().nullish(),
    created: z.int(),
    livemode: z.boolean(),
    data: z.object({ object: z.object({ id: z.string().nullish() }) }),
  })
  .transform(
    (event): StripeWebhook => ({
      eventId: event.id,
      type: event.type,
      objectId: event.data.object.id ?? null,
      account: event.account ?? null,
      createdMs: event.created * 1_000,
      livemode: event.livemode,
    }),
  );

/** Thin events of API v2: they carry no object, and their account as `context`. */
const thinSchema = z
  .object({
    object: z.literal('v2.core.event'),
    id: z.string().min(1),
    type: z.string().min(1),
    context: z.string().nullish(),
    created: z.iso.datetime({ offset: true }),
    livemode: z.boolean(),
    related_object: z.object({ id: z.string() }).nullish(),
  })
  .transform(
    (event): StripeWebhook => ({
      eventId: event.id,
      type: event.type,
      objectId: event.related_object?.id ?? null,
      account: event.context ?? null,
      createdMs: Date.parse(event.created),
      livemode: event.livemode,
    }),
  );

const webhookSchema = z.union([snapshotSchema, thinSchema]);

/**
 * Verifies a delivery over its raw bytes and returns what it points at.
 *
 * `secrets` are tried in turn, so that a secret can be rotated. The stamp must be within 300 s of `nowMs` in both
 * directions: the library lets stamps of the future pass, which would keep a stolen delivery usable for ever.
 * Throws PermanentError SIGNATURE_INVALID or BODY_MALFORMED.
 */
export function verifyStripeWebhook(
  rawBody: Buffer,
  header: string,
  secrets: readonly string[],
  nowMs: number,
): StripeWebhook {
  if (!secrets.some((secret) => isSignedBy(rawBody, header, secret, nowMs))) {
    throw new PermanentError(
      'SIGNATURE_INVALID',
      'No secret verifies the Stripe-Signature of this delivery.',
    );
  }
  const parsed = webhookSchema.safeParse(readJson(rawBody));
  if (parsed.success) return parsed.data;
  throw new PermanentError('BODY_MALFORMED', 'A signed delivery of Stripe is not an event.', {
    cause: parsed.error,
  });
}

function isSignedBy(rawBody: Buffer, header: string, secret: string, nowMs: number): boolean {
  const stampS = stampOf(header);
  if (stampS === null || Math.abs(Math.floor(nowMs / 1_000) - stampS) > TOLERANCE_S) return false;
  // The library signs the decoded text: without this, bytes that decoding drops or replaces would be unsigned.
  if (!isUtf8(rawBody) || rawBody.subarray(0, 3).equals(BYTE_ORDER_MARK)) return false;
  try {
    return webhooks.signature?.verifyHeader(rawBody, header, secret, TOLERANCE_S, undefined, nowMs) === true;
  } catch {
    // A header of odd shape makes the library throw plain errors too; whatever it does not verify is not signed.
    return false;
  }
}

/** The stamp that the library will use: the last one named. */
function stampOf(header: string): number | null {
  let stampS: number | null = null;
  for (const part of header.split(',')) {
    const [name, value = ''] = part.split('=');
    if (name === 't') stampS = Number.parseInt(value, 10);
  }
  return stampS === null || Number.isNaN(stampS) ? null : stampS;
}

function readJson(rawBody: Buffer): unknown {
  try {
    return JSON.parse(rawBody.toString('utf8'));
  } catch {
    return null;
  }
}
