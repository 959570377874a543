export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
/** 2026-03-02 00:00 UTC. */
export const FIRST_DAY_MS = Date.UTC(2026, 2, 2);

const id = (group: number, number: number) =>
  `00000000-0000-4000-8000-${String(group).padStart(4, '0')}${String(number).padStart(8, '0')}`;
/** Suppliers 1 to 3 send calls in usd, 4 and 5 in eur, 6 to a buyer who is no customer at Stripe, 7 to one with a wallet in cad, 8 to one whose gbp settle in aud. */
export const supplierId = (number: number): string => id(1, number);
const buyerId = (number: number) => id(2, number);
const campaignId = (number: number) => id(3, number);
export const numberOf = (supplier: number) => `+1555000000${supplier}`;
const campaignOf = (supplier: number) => (supplier <= 3 ? 1 : supplier <= 5 ? 2 : supplier - 3);

/** By supplier; of the second it is released and paid at the end, of the third not yet. */
const RESERVES = [{}, {}, { reserveBps: 1_000, reserveDays: 1 }, { reserveBps: 333, reserveDays: 30 }];

/** Who takes part in the hand-made books, and under which terms. */
export function parties() {
  const each = <T>(count: number, make: (number: number) => T) =>
    Array.from({ length: count }, (_, index) => make(index + 1));
  return {
    suppliers: each(8, (n) => ({
      ...{ id: supplierId(n), name: `Supplier ${n}`, stripeAccountId: `acct_${n}` },
      ...RESERVES[n],
    })),
    buyers: each(5, (n) => ({
      id: buyerId(n),
      name: `Buyer ${n}`,
      timezone: 'UTC',
      stripeCustomerId: n === 3 ? null : `cus_${n}`,
      automaticTax: n === 2,
      prepaid: n === 4 ? { cad: { lowWaterMinor: 0, rechargeMinor: 5_000, mostPerDay: 2 } } : null,
    })),
    campaigns: each(5, (n) => ({ id: campaignId(n), buyerId: buyerId(n), name: `Campaign ${n}` })),
    terms: [
      terms(1, 1, -1, { priceMinor: 1500, supplierShareBps: 7000 }),
      terms(2, 2, -1, { currency: 'eur', priceMinor: 999, supplierShareBps: 6666 }),
      terms(3, 3, -1, { priceMinor: 1500, supplierShareBps: 7000 }),
      terms(6, 4, -1, { currency: 'cad', priceMinor: 1200, supplierShareBps: 7000 }),
      terms(7, 5, -1, { currency: 'gbp', priceMinor: 1100, supplierShareBps: 7000 }),
      // From the second day on the third campaign has a price per second and tiers, from the third day on one of revenue.
      terms(4, 3, 1, { priceMinor: 25, incrementS: 7, minimumS: 30, supplierShareTiers: TIERS }),
      terms(5, 3, 2, { revenueBps: 1111, supplierShareMinor: 500 }),
    ],
    trackingNumbers: each(8, (n) => ({
      number: numberOf(n),
      campaignId: campaignId(campaignOf(n)),
      supplierId: supplierId(n),
    })),
  };
}

const TIERS = [6000, 6543].map((bps, at) => ({ fromCall: at + 1, bps }));

function terms(number: number, campaign: number, day: number, rules: object) {
  const facts = {
    id: id(4, number),
    campaignId: campaignId(campaign),
    validFromMs: FIRST_DAY_MS + day * DAY_MS,
  };
  return { ...facts, currency: 'usd', minDurationS: 60, duplicateWindowS: 3600, ...rules };
}
