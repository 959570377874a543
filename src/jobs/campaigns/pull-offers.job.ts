import { ApiError, isOfOne } from '../../errors.ts';
import type { CampaignProvider, Offer } from '../../integrations/campaigns/offer.ts';
import type { FoundOffer } from '../../integrations/supabase/campaigns.ts';
import type { JobServices } from '../../services.ts';
import {
  defineJob,
  done,
  HOUSE_BACKOFF,
  nightlyPayload,
  type RunContext,
  skip,
  snooze,
} from '../define-job.ts';
import { compareOffer } from './offer-terms.ts';

/**
 * So many offers of each platform in one run, and the others in further runs. At two requests in a second three platforms
 * take 150 s of the job's 600 s.
 */
const MOST_OFFERS = 100;

/**
 * Every night: reads what the platforms say that the offers cost, pay and take at most which campaigns are, and keeps what
 * that would change of the campaigns' terms as proposals, which a person applies or dismisses. It changes no terms.
 *
 * Safe to run twice: a campaign has one open proposal, and what stands open, or was dismissed, is not proposed again. What was compared
 * is marked with the night's instant, so that a further run, or a retry, goes on behind it.
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
    let isMore = false;
    for (const provider of providers) {
      try {
        if (await pullOf(provider, ends, services)) isMore = true;
      } catch (error) {
        services.signal.throwIfAborted();
        // One platform that is away must not keep the others from being read.
        failure ??= error;
        services.log.warn({ provider, err: error }, 'the offers of a platform are not read yet');
      }
    }
    // Before the failure, which may be the end of this night's work: the others are read to their last offer.
    if (isMore) return snooze(1_000, 'more_offers');
    if (failure !== null) throw failure;
    return done(ends);
  },
});

type Pulling = Pick<JobServices, 'campaigns' | 'campaignBooks' | 'clock' | 'log'> & RunContext;

/** Counts the ends of what it compares. True when there may be more. */
async function pullOf(
  provider: CampaignProvider,
  ends: Record<string, number>,
  services: Pulling,
): Promise<boolean> {
  const { campaigns, campaignBooks, dueAtMs, signal } = services;
  const linked = await campaigns.linked(provider, dueAtMs, MOST_OFFERS);
  const offers = Map.groupBy(linked, ({ offerId }) => offerId);
  for (const [offerId, those] of offers) {
    const offer = await unlessUnreadable(campaignBooks.readOffer(provider, offerId, signal));
    for (const { campaignId, terms } of those) {
      const termsId = terms?.id ?? null;
      const of = { campaignId, provider, offerId, termsId, ...compareOffer(terms, offer) };
      const end = await record(of, offer, services);
      ends[end] = (ends[end] ?? 0) + 1;
    }
  }
  return offers.size === MOST_OFFERS;
}

type Read = Offer | Unread | null;

async function record(
  of: Omit<FoundOffer, 'currency' | 'isUnread' | 'dueMs'>,
  offer: Read,
  { campaigns, clock, log, dueAtMs }: Pulling,
): Promise<string> {
  const isUnread = offer !== null && 'isUnread' in offer;
  const found = { ...of, isUnread };
  const kept = { ...found, currency: offer?.currency ?? null, dueMs: dueAtMs };
  const end = await campaigns.record(kept, clock.nowMs());
  if (end === 'new') log.warn(found, 'an offer and the terms of its campaign differ');
  else if (isUnread) log.warn({ ...found, end }, 'an offer could not be read: what stands of it stays');
  return end;
}

interface Unread {
  readonly currency: null;
  readonly fault: string;
  readonly isUnread: true;
}

/** What cannot be read of one offer, or is refused of it, must not keep the others from being read. */
async function unlessUnreadable(reading: Promise<Offer | null>): Promise<Read> {
  try {
    return await reading;
  } catch (error) {
    const isUnreadable = error instanceof ApiError && error.code === 'ANSWER_INVALID';
    if (!isUnreadable && !isOfOne(error)) throw error;
    return { currency: null, fault: error.message, isUnread: true };
  }
}
