import { ApiError, isOfOne } from '../../errors.ts';
import type { CampaignProvider, Offer } from '../../integrations/campaigns/offer.ts';
import type { JobServices } from '../../services.ts';
import { defineJob, done, HOUSE_BACKOFF, nightlyPayload, skip } from '../define-job.ts';
import { compareOffer } from './offer-terms.ts';

/**
 * Every night: reads what the platforms say that the offers cost, pay and take at most which campaigns are, and keeps what
 * that would change of the campaigns' terms as proposals, which a person applies or dismisses. It changes no terms.
 *
 * Safe to run twice: a campaign has one open proposal, and what stands open, or was dismissed, is not proposed again.
 */
export const pullOffers = defineJob({
  name: 'campaigns.pull-offers',
  queue: 'campaigns',
  version: 1,
  payload: nightlyPayload,
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 10 * 60_000,
  // Each run reads every offer as it is now, so that one which is due while another runs has nothing of its own to find.
  nightly: { dueTime: '03:40', catchUpDays: 1, overlap: 'skip', pauseAfter: null },
  concurrency: 1,
  uses: ['campaigns', 'campaignBooks', 'clock', 'log'],
  async handle(_date, services) {
    const providers = await services.campaignBooks.configured();
    if (providers.length === 0) return skip('no_provider_is_configured');
    const ends: Record<string, number> = {};
    let failure: unknown = null;
    for (const provider of providers) {
      try {
        for (const end of await pullOf(provider, services)) ends[end] = (ends[end] ?? 0) + 1;
      } catch (error) {
        services.signal.throwIfAborted();
        // One platform that is away must not keep the others from being read.
        failure ??= error;
        services.log.warn({ provider, err: error }, 'the offers of a platform are not read yet');
      }
    }
    if (failure !== null) throw failure;
    return done(ends);
  },
});

type Pulling = Pick<JobServices, 'campaigns' | 'campaignBooks' | 'clock' | 'log'> & { signal: AbortSignal };

async function pullOf(provider: CampaignProvider, services: Pulling): Promise<string[]> {
  const { campaigns, campaignBooks, clock, log, signal } = services;
  const ends: string[] = [];
  for (const { campaignId, offerId, terms } of await campaigns.linked(provider)) {
    const offer = await unlessUnreadable(campaignBooks.readOffer(provider, offerId, signal));
    const compared = compareOffer(terms, offer);
    const isUnread = offer !== null && 'isUnread' in offer;
    const found = { campaignId, provider, offerId, termsId: terms?.id ?? null, ...compared, isUnread };
    const end = await campaigns.record({ ...found, currency: offer?.currency ?? null }, clock.nowMs());
    if (end === 'new') log.warn(found, 'an offer and the terms of its campaign differ');
    else if (isUnread) log.warn({ ...found, end }, 'an offer could not be read: what stands of it stays');
    ends.push(end);
  }
  return ends;
}

/** What cannot be read of one offer, or is refused of it, must not keep the others from being read. */
async function unlessUnreadable(
  reading: Promise<Offer | null>,
): Promise<Offer | { currency: null; fault: string; isUnread: true } | null> {
  try {
    return await reading;
  } catch (error) {
    const isUnreadable = error instanceof ApiError && error.code === 'ANSWER_INVALID';
    if (!isUnreadable && !isOfOne(error)) throw error;
    return { currency: null, fault: error.message, isUnread: true };
  }
}
