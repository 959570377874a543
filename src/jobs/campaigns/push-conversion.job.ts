import { z } from 'zod';
import { ApiError, isUndone, PermanentError } from '../../errors.ts';
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
import { LOOK_AGAIN_MS, nextStep, type Step } from './next-step.ts';

/** What is waited for, and how long until it is looked at again. */
const WAITS = new Map([
  ['being_sent', 15_000],
  ['offer_not_read', 30 * 60_000],
]);

type Pushing = Pick<JobServices, 'campaigns' | 'campaignBooks' | 'clock' | 'log'> & { signal: AbortSignal };

/**
 * Tells the platform of a call's campaign what the books say of the call: its conversion, and each change of what is owed
 * for it or earned by it.
 *
 * Safe to run twice: what is told is a row, of which only the newest token's holder may note anything; the platform is asked
 * before each send what it has, and what it has is not sent; what was sent and is not shown yet is waited for, and no conversion is
 * made of a call of which the platform had one.
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
  const { campaignBooks, clock, log, signal } = services;
  const { provider, offerId, reference, priceMinor, shareMinor } = push;
  const speed = await campaignBooks.slowness(provider);
  if (speed === null)
    throw new PermanentError(
      'CONFIG_INVALID',
      `${provider} is not configured, and campaigns are its offers.`,
    );
  const currency = parseCurrency(push.currency);
  const conversion = { offerId, reference, currency, priceMinor, shareMinor };
  const isSlow = speed === 'slow';
  const look = () => campaignBooks.find(provider, conversion, signal);
  try {
    const known = await look();
    const step = nextStep(push, known, isSlow, clock.nowMs());
    if (step.kind !== 'send') return await take(step, push, services);
    const sentAtMs = clock.nowMs();
    const sending = () => campaignBooks.send(provider, conversion, known, signal);
    await send(push, known !== null, sentAtMs, sending, services);
    if (isSlow) return snooze(LOOK_AGAIN_MS, 'not_shown_yet');
    // An answer of success is no proof: what counts is what it shows.
    const sent = { ...push, sends: push.sends + 1, sentAtMs };
    return await take(nextStep(sent, await look(), isSlow, clock.nowMs()), push, services);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'PROVIDER_REFUSED') throw error;
    // Other pushes would be refused too.
    if (error.ofEverybody) throw error;
    log.warn({ provider, pushId: push.id, err: error }, 'a platform refused what it was told of a call');
    return refuse(push, error.providerCode ?? `http_${error.statusCode}`, services);
  }
}

async function send(
  push: Push,
  isShown: boolean,
  nowMs: number,
  sending: () => Promise<void>,
  { campaigns }: Pushing,
) {
  await campaigns.noteSend(push, isShown, nowMs);
  try {
    await sending();
  } catch (error) {
    if (isUndone(error)) await campaigns.takeBackSend(push);
    throw error;
  }
}

async function take(step: Step, push: Push, services: Pushing): Promise<Outcome | null> {
  // One that was sent just now is waited for.
  if (step.kind === 'send') return snooze(LOOK_AGAIN_MS, 'not_shown_yet');
  if (step.kind === 'wait') return snooze(step.delayMs, step.reason);
  if (step.end === 'refused') return refuse(push, step.code, services);
  await services.campaigns.settlePush(push, 'sent', null, services.clock.nowMs());
  return null;
}

async function refuse(push: Push, code: string, { campaigns, clock }: Pushing): Promise<Outcome> {
  await campaigns.settlePush(push, 'refused', code, clock.nowMs());
  return done({ result: 'refused', code });
}
