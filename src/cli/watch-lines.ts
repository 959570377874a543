import type { Proposal } from '../integrations/supabase/campaigns.ts';
import type {
  CampaignTerms,
  NamedCampaign,
  NewLetter,
  OpenCounts,
  OpenedBreak,
  WaitingCall,
} from '../integrations/supabase/news.ts';
import { rateCall } from '../jobs/fraud/rate.ts';
import { shownAs } from './campaigns.ts';
import { amountOf, minuteOf } from './table.ts';

/** Something that a person who watches is told. */
export interface News {
  readonly event: 'break' | 'call' | 'letter' | 'proposal' | 'terms';
  /** The same for the same thing, however often it is read. */
  readonly id: string;
  readonly atMs: number;
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export type TermsCache = ReturnType<typeof createTermsCache>;

/** Campaigns and their terms, for what is shown; calls are rated by what the transaction that rates them reads, and never by this. */
export function createTermsCache() {
  const campaigns = new Map<string, NamedCampaign>();
  const terms = new Map<string, CampaignTerms[]>();
  return {
    knows: (campaignId: string) => campaigns.has(campaignId),
    keepCampaigns(found: readonly NamedCampaign[]): void {
      for (const one of found) campaigns.set(one.id, one);
    },
    /** False when it has no such campaign. */
    rename(id: string, name: string): boolean {
      const known = campaigns.get(id);
      if (known !== undefined) campaigns.set(id, { ...known, name });
      return known !== undefined;
    },
    keepTerms(found: readonly CampaignTerms[]): void {
      for (const one of found) {
        const others = (terms.get(one.campaignId) ?? []).filter(({ id }) => id !== one.id);
        terms.set(
          one.campaignId,
          [...others, one].sort((a, b) => a.validFromMs - b.validFromMs),
        );
      }
    },
    /** In force at an instant; null where there are none, or none that is known. */
    termsAt: (campaignId: string, atMs: number): CampaignTerms | null =>
      terms.get(campaignId)?.findLast(({ validFromMs }) => validFromMs <= atMs) ?? null,
    campaign: (id: string | null) => (id === null ? undefined : campaigns.get(id)),
  };
}

/** A campaign with its buyer; its id where it has no name here. */
function nameOf(id: string, cache: TermsCache): string {
  const known = cache.campaign(id);
  return known === undefined ? id : `${known.name} (${known.buyer})`;
}

const factsOf = (campaignId: string | null, cache: TermsCache) => {
  const known = cache.campaign(campaignId);
  return { campaignId, campaign: known?.name ?? null, buyer: known?.buyer ?? null };
};

const ofSupplier = (supplier: string | null) => (supplier === null ? '' : `, of ${supplier}`);

/** What the buyer owes, and for what. */
function priceOf({ priceMinor, incrementS, minimumS, revenueBps, currency }: CampaignTerms) {
  if (revenueBps !== null) return { amount: `${revenueBps / 100} %`, per: 'of the revenue' };
  const amount = amountOf(priceMinor, currency);
  if (incrementS === null) return { amount, per: 'a call' };
  return { amount, per: `each begun ${incrementS} s, ${minimumS} s at least` };
}

function shareOf({ supplierShareBps, supplierShareMinor, supplierShareTiers, currency }: CampaignTerms) {
  if (supplierShareMinor !== null) return amountOf(supplierShareMinor, currency);
  if (supplierShareBps !== null) return `${supplierShareBps / 100} %`;
  return (supplierShareTiers ?? [])
    .map(({ fromCall, bps }) => `${bps / 100} % from ${fromCall}`)
    .join(' and ');
}

const hoursOf = ({ hours }: CampaignTerms) =>
  hours?.map(({ days, from, to }) => `${days.join('')} ${from}-${to}`).join(' and ') ?? 'always';

/** What else terms say, in the words of a line. */
const OTHERS: readonly (readonly [string, (terms: CampaignTerms) => string])[] = [
  ['share', shareOf],
  ['paid from', ({ minDurationS }) => `${minDurationS} s`],
  ['a caller again after', ({ duplicateWindowS }) => `${duplicateWindowS} s`],
  ['hours', hoursOf],
  ['calls a day', ({ dailyCap }) => String(dailyCap ?? 'any')],
  ['calls a month', ({ monthlyCap }) => String(monthlyCap ?? 'any')],
  ['calls at a time', ({ concurrencyCap }) => String(concurrencyCap ?? 'any')],
];

/** New terms beside those that they follow. */
export function tellTerms(terms: CampaignTerms, cache: TermsCache, nowMs: number): News {
  const before = cache.termsAt(terms.campaignId, terms.validFromMs - 1);
  const [was, is] = [before === null ? null : priceOf(before), priceOf(terms)];
  const left = was?.per === is.per ? was.amount : `${was?.amount} ${was?.per}`;
  const isSame = was === null || (was.amount === is.amount && was.per === is.per);
  const price = isSame ? `${is.amount} ${is.per}` : `${left} → ${is.amount} ${is.per}`;
  const others = OTHERS.flatMap(([name, of]) =>
    before === null || of(before) === of(terms) ? [] : [`; ${name} ${of(before)} → ${of(terms)}`],
  ).join('');
  const from = `${terms.validFromMs > nowMs ? 'from' : 'since'} ${minuteOf(terms.validFromMs)}Z`;
  const { id, madeMs, campaignId, ...facts } = terms;
  return {
    ...{ event: 'terms', id, atMs: madeMs },
    text: `${nameOf(campaignId, cache)}: ${price} ${from}${others}`,
    facts: { ...factsOf(campaignId, cache), ...facts, before },
  };
}

export function tellBreak(one: OpenedBreak): News {
  const { identity, kind, currency, amountMinor, supplier, stopsPayouts, newsMs } = one;
  const amount = amountOf(amountMinor, currency);
  return {
    ...{ event: 'break', id: `${identity} ${newsMs}`, atMs: newsMs },
    text: `${identity}: ${kind}, ${amount}${ofSupplier(supplier)}${stopsPayouts ? '; stops payouts' : ''}`,
    facts: { identity, kind, currency, amountMinor, supplier, stopsPayouts },
  };
}

/** What its buyer would owe is by the terms that the cache has of its start. */
export function tellCall(call: WaitingCall, cache: TermsCache): News {
  const { callId, campaignId, supplier, durationS, revenue, score, reasons, heldMs } = call;
  const terms = cache.termsAt(campaignId, call.startedAtMs);
  const rating = terms === null ? null : rateCall(terms, { durationS, revenue });
  const owedMinor = rating === null || typeof rating === 'string' ? null : rating.priceMinor;
  const currency = terms?.currency ?? null;
  const why = reasons.map(({ text, points }) => `${text} (${points})`).join('; ');
  const owed = `${amountOf(owedMinor, currency)} owed`;
  return {
    ...{ event: 'call', id: `${callId} ${score}`, atMs: heldMs },
    text: `${callId}: ${nameOf(campaignId, cache)}${ofSupplier(supplier)}, ${durationS} s, ${owed}, score ${score}: ${why}`,
    facts: {
      callId,
      ...factsOf(campaignId, cache),
      supplier,
      durationS,
      owedMinor,
      currency,
      score,
      reasons,
    },
  };
}

export function tellLetter(letter: NewLetter, cache: TermsCache): News {
  const { id, generation, job, key, code, failedAtMs, atRisk, whom } = letter;
  const { campaignId = null, supplier = null } = whom ?? {};
  const { buyer: ofCampaign, ...campaign } = factsOf(campaignId, cache);
  const buyer = whom?.buyer ?? ofCampaign;
  const about = campaignId === null ? buyer : nameOf(campaignId, cache);
  const money = Object.entries(atRisk).map(([currency, amount]) => `, ${amountOf(amount, currency)} at risk`);
  return {
    ...{ event: 'letter', id: `${id} ${generation}`, atMs: failedAtMs },
    text: `${id}: ${job} ${key}, ${code}${money.join('')}${about === null ? '' : `, ${about}`}${ofSupplier(supplier)}`,
    facts: { letterId: id, job, key, code, atRisk, ...campaign, buyer, supplier },
  };
}

export function tellProposal(one: Proposal, cache: TermsCache): News {
  const { id, campaignId, provider, offerId, currency, changes, fault, foundMs } = one;
  const wanted = Object.entries(changes).map(
    ([name, { from, to }]) => `${name} ${shownAs(name, from, currency)} → ${shownAs(name, to, currency)}`,
  );
  const what = fault === null ? wanted.join(', ') : `cannot be terms, ${fault}`;
  return {
    ...{ event: 'proposal', id, atMs: foundMs },
    text: `${id}: ${nameOf(campaignId, cache)}, ${provider} ${offerId}: ${what}`,
    facts: { ...factsOf(campaignId, cache), proposalId: id, provider, offerId, currency, changes, fault },
  };
}

/** One line for a person, or for a program. */
export function lineOf({ event, atMs, text, facts }: News, asJson: boolean): string {
  const at = new Date(atMs).toISOString();
  return asJson
    ? JSON.stringify({ at, event, ...facts })
    : `${at.slice(11, 19)}  ${event.padEnd(8)}  ${text}`;
}

export function openLine(open: OpenCounts, nowMs: number, asJson: boolean): string {
  const at = new Date(nowMs).toISOString();
  if (asJson) return JSON.stringify({ at, event: 'open', ...open });
  const { breaks, calls, letters, proposals } = open;
  const words = `breaks ${breaks}, calls for review ${calls}, dead letters ${letters}, proposals of terms ${proposals}`;
  return `${at.slice(11, 19)}  ${'open'.padEnd(8)}  ${words}`;
}
