import { z } from 'zod';
import { ApiError, isUnsent, PermanentError } from '../../errors.ts';
import type { Push } from '../../integrations/supabase/campaigns.ts';
import { parseCurrency } from '../../money.ts';
import type { JobServices } from '../../services.ts';
import {
  defineJob,
  done,
  HOUSE_BACKOFF,
  type Outcome,
  skip,
  snooze,
  unlessTakenOver,
} from '../define-job.ts';

/** So long after it was sent, what a slow platform does not show was not done. */
const SHOWN_AFTER_MS = 10 * 60_000;
const LOOK_AGAIN_MS = 60_000;
/** What is waited for, and how long until it is looked at again. */
const WAITS = new Map([
  ['being_sent', 15_000],
  ['offer_not_read', 30 * 60_000],
]);
/** What a platform takes so often and never shows needs a person. */
const MOST_SENDS = 5;

type Pushing = Pick<JobServices, 'campaigns' | 'campaignBooks' | 'clock' | 'log'> & { signal: AbortSignal };

/**
 * Tells the platform of a call's campaign what the books say of the call: its conversion, and each change of what is owed
 * for it or earned by it.
 *
 * Safe to run twice: what is told is a row, of which only the newest token's holder may note anything; the platform is asked
 * before each send what it has, and what it has is not sent; what was sent and is not shown yet is waited for.
 */
export const pushConversion = defineJob({
  name: 'campaigns.push-conversion',
  queue: 'campaigns',
  version: 1,
  payload: z.strictObject({ callId: z.uuid() }),
  key: ({ callId }) => callId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 150_000,
  uses: ['campaigns', 'campaignBooks', 'clock', 'log'],
  handle: ({ callId }, services) =>
    unlessTakenOver(async () => {
      for (let told = 0; ; told += 1) {
        const claim = await services.campaigns.claimPush(callId, services.clock.nowMs());
        if ('nothing' in claim) {
          const waitMs = WAITS.get(claim.nothing);
          if (waitMs !== undefined) return snooze(waitMs, claim.nothing);
          return told > 0 ? done({ told }) : skip(claim.nothing);
        }
        const outcome = await pushOne(claim, services);
        if (outcome !== null) return outcome;
      }
    }),
});

/** Null when it came to its end, and the books may say something newer. */
async function pushOne(push: Push, services: Pushing): Promise<Outcome | null> {
  const { campaigns, campaignBooks, clock, log, signal } = services;
  const { provider, offerId, reference, priceMinor, shareMinor } = push;
  const speed = await campaignBooks.slowness(provider);
  if (speed === null)
    throw new PermanentError(
      'CONFIG_INVALID',
      `${provider} is not configured, and campaigns are its offers.`,
    );
  const currency = parseCurrency(push.currency);
  const conversion = { offerId, reference, currency, priceMinor, shareMinor };
  try {
    const known = await campaignBooks.find(provider, conversion, signal);
    if (known !== null && known.priceMinor === priceMinor && known.shareMinor === shareMinor) {
      await campaigns.settlePush(push, 'sent', null, clock.nowMs());
      return null;
    }
    if (speed === 'slow' && push.sentAtMs !== null) {
      const waitMs = push.sentAtMs + SHOWN_AFTER_MS - clock.nowMs();
      if (waitMs > 0) return snooze(Math.min(waitMs, LOOK_AGAIN_MS), 'not_shown_yet');
    }
    if (push.sends >= MOST_SENDS) return await refuse(push, 'never_shown', services);
    await campaigns.noteSend(push, clock.nowMs());
    await campaignBooks.send(provider, conversion, known, signal);
  } catch (error) {
    // Also of what was asked first, when it changes nothing.
    if (isUnsent(error)) await campaigns.takeBackSend(push);
    if (!(error instanceof ApiError) || error.code !== 'PROVIDER_REFUSED') throw error;
    // Other pushes would be refused too.
    if (error.ofEverybody) throw error;
    log.warn({ provider, pushId: push.id, err: error }, 'a platform refused what it was told of a call');
    return refuse(push, error.providerCode ?? `http_${error.statusCode}`, services);
  }
  if (speed === 'slow') return snooze(LOOK_AGAIN_MS, 'not_shown_yet');
  await campaigns.settlePush(push, 'sent', null, clock.nowMs());
  return null;
}

async function refuse(push: Push, code: string, { campaigns, clock }: Pushing): Promise<Outcome> {
  await campaigns.settlePush(push, 'refused', code, clock.nowMs());
  return done({ result: 'refused', code });
}
