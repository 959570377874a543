import Stripe from 'stripe';
import { z } from 'zod';
import { PermanentError } from '../../errors.ts';

/** What a Stripe webhook says: which object changed. The object itself is fetched by the job. */
export interface StripeEvent {
  readonly eventId: string;
  readonly type: string;
  readonly objectId: string;
  readonly account: string | null;
  readonly createdMs: number;
  readonly livemode: boolean;
}

const TOLERANCE_S = 300;

const snapshot = z.object({
  id: z.string(),
  type: z.string(),
  created: z.number(),
  livemode: z.boolean(),
  account: z.string().nullish(),
  data: z.object({ object: z.object({ id: z.string() }) }),
});

/** Verifies and reads a snapshot event. Throws SIGNATURE_INVALID or BODY_MALFORMED. */
export function verifyStripeWebhook(
  rawBody: Buffer,
  header: string,
  secrets: readonly string[],
  nowMs: number,
): StripeEvent {
  if (!isFresh(header, nowMs) || !secrets.some((secret) => isSigned(rawBody, header, secret, nowMs)))
    throw new PermanentError('SIGNATURE_INVALID', 'The webhook is not signed by Stripe, or not now.');
  const result = snapshot.safeParse(parseJson(rawBody));
  if (!result.success) throw new PermanentError('BODY_MALFORMED', 'The webhook is no event of Stripe.');
  const { id, type, created, livemode, account, data } = result.data;
  return {
    eventId: id,
    type,
    objectId: data.object.id,
    account: account ?? null,
    createdMs: created * 1_000,
    livemode,
  };
}

function isFresh(header: string, nowMs: number): boolean {
  const stamp = header.split(',').find((part) => part.startsWith('t='));
  return Math.abs(nowMs / 1_000 - Number(stamp?.slice(2))) <= TOLERANCE_S;
}

function isSigned(rawBody: Buffer, header: string, secret: string, nowMs: number): boolean {
  try {
    return (
      Stripe.webhooks.signature?.verifyHeader(
        rawBody.toString(),
        header,
        secret,
        TOLERANCE_S,
        undefined,
        nowMs,
      ) ?? false
    );
  } catch {
    return false;
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}
