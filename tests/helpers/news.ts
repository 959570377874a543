import type { CampaignTerms, OpenedBreak } from '../../src/integrations/supabase/news.ts';

export const NOW_MS = Date.UTC(2026, 10, 30, 12, 3, 10);
export const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const ROOF = { id: id(1), name: 'Roof Repair', buyer: 'Acme' };

export const terms = (given: Partial<CampaignTerms> = {}): CampaignTerms => ({
  ...{ id: id(10), termsId: id(10), campaignId: ROOF.id, currency: 'usd', priceMinor: 4_000 },
  ...{
    incrementS: null,
    minimumS: null,
    revenueBps: null,
    supplierShareMinor: null,
    supplierShareTiers: null,
  },
  ...{ supplierShareBps: 7_000, minDurationS: 30, duplicateWindowS: 0, hours: null, dailyCap: null },
  ...{ monthlyCap: null, concurrencyCap: null, validFromMs: 0, madeMs: 0, ...given },
});
/** Those that follow. */
export const dearer = terms({
  ...{ id: id(11), priceMinor: 4_500, validFromMs: Date.UTC(2026, 11, 1, 5), madeMs: NOW_MS },
});
export const broken = (identity: string, newsMs = NOW_MS): OpenedBreak => ({
  ...{
    identity,
    newsMs,
    kind: 'amount',
    state: 'open',
    currency: 'usd',
    amountMinor: 1_200,
    day: '2026-11-30',
  },
  ...{
    category: 'charge',
    movementId: null,
    sourceId: null,
    subject: null,
    supplierId: id(3),
    supplier: 'Best Calls',
  },
  ...{ stopsPayouts: true, dueMs: null, rule: null, reason: null, firstSeenMs: 0, lastSeenMs: newsMs },
  ...{ resolutionId: null, askedBy: null, waitsFor: null },
});
