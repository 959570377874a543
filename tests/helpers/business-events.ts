export const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const AT_MS = Date.UTC(2026, 10, 2, 12);

/** What is told with each kind. */
export const EVENTS = {
  'call.qualified': {
    ...{ callId: id(1), campaignId: id(2), buyerId: id(3), supplierId: id(4), currency: 'usd' },
    ...{ priceMinor: 4_000, shareMinor: 2_800, durationS: 95, businessDate: '2026-11-02' },
  },
  'invoice.paid': {
    ...{ invoiceId: id(5), buyerId: id(3), currency: 'usd', amountMinor: 12_000, taxMinor: 0 },
    businessDate: '2026-11-02',
  },
  'payout.sent': {
    ...{
      payoutId: id(6),
      supplierId: id(4),
      currency: 'usd',
      amountMinor: 8_400,
      businessDate: '2026-11-02',
    },
  },
  'break.opened': {
    ...{ breakId: 7, kind: 'missing_in_ledger', currency: 'usd', amountMinor: -500, day: '2026-11-02' },
    stopsPayouts: true,
  },
};
export const event = (kind: keyof typeof EVENTS = 'call.qualified', eventId = id(9)) => ({
  ...{ id: eventId, kind, atMs: AT_MS, data: EVENTS[kind] },
});
export const KINDS = Object.keys(EVENTS) as (keyof typeof EVENTS)[];
