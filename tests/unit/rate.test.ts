import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type RatedCall, type Rating, rateCall, type Terms } from '../../src/jobs/fraud/rate.ts';
import { CURRENCIES, type Currency } from '../../src/money.ts';

const NO_TERMS: Terms = {
  termsId: 't',
  currency: 'usd',
  priceMinor: null,
  incrementS: null,
  minimumS: null,
  revenueBps: null,
  supplierShareBps: null,
  supplierShareMinor: null,
  supplierShareTiers: null,
};
const CALL: RatedCall = { durationS: 90, revenue: null };

const rated = (terms: Partial<Terms>, call: Partial<RatedCall> = {}): Rating => {
  const rating = rateCall({ ...NO_TERMS, ...terms }, { ...CALL, ...call });
  if (typeof rating === 'string') throw new Error(rating);
  return rating;
};
const priceOf = (terms: Partial<Terms>, call: Partial<RatedCall>) =>
  rated({ supplierShareBps: 0, ...terms }, call).priceMinor;
const shareOf = (priceMinor: number, supplierShareBps: number) =>
  rated({ priceMinor, supplierShareBps }).shares[0]?.shareMinor ?? Number.NaN;

const amount = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const bps = fc.integer({ min: 0, max: 10_000 });
const currency = fc.constantFrom(...(Object.keys(CURRENCIES) as Currency[]));
const price = fc.oneof(
  fc.record({ priceMinor: amount }),
  fc.record({
    priceMinor: fc.integer({ min: 1, max: 1_000_000_000 }),
    incrementS: fc.integer({ min: 1, max: 3_600 }),
    minimumS: fc.nat(3_600),
  }),
  fc.record({ revenueBps: fc.integer({ min: 1, max: 10_000 }) }),
);
const tiers = fc
  .uniqueArray(fc.integer({ min: 2, max: 1_000 }), { maxLength: 4 })
  .chain((starts) =>
    fc
      .array(bps, { minLength: starts.length + 1, maxLength: starts.length + 1 })
      .map((rates) =>
        [1, ...starts.toSorted((a, b) => a - b)].map((fromCall, at) => ({ fromCall, bps: rates[at] ?? 0 })),
      ),
  );
const share = fc.oneof(
  fc.record({ supplierShareBps: bps }),
  fc.record({ supplierShareMinor: fc.nat(1_000_000) }),
  fc.record({ supplierShareTiers: tiers }),
);
const anyTerms = fc
  .tuple(price, share, currency)
  .map(([ofPrice, ofShare, code]) => ({ ...NO_TERMS, ...ofPrice, ...ofShare, currency: code }));

describe('under any terms', () => {
  test('share and margin are the price to the last unit, neither is negative, and the share can be moved', () => {
    fc.assert(
      fc.property(anyTerms, fc.nat(86_400), amount, (terms, durationS, amountMinor) => {
        const rating = rateCall(terms, { durationS, revenue: { amountMinor, currency: terms.currency } });
        if (typeof rating === 'string') {
          expect(['nothing-owed', 'share-above-price']).toContain(rating);
          return;
        }
        expect(Number.isSafeInteger(rating.priceMinor)).toBe(true);
        expect(rating.priceMinor).toBeGreaterThan(0);
        for (const { shareMinor } of rating.shares) {
          expect(Number.isSafeInteger(shareMinor)).toBe(true);
          expect(shareMinor).toBeGreaterThanOrEqual(0);
          expect(rating.priceMinor - shareMinor).toBeGreaterThanOrEqual(0);
          if (terms.supplierShareMinor === null)
            expect(shareMinor % CURRENCIES[terms.currency].multipleOfMinor).toBe(0);
        }
      }),
    );
  });

  test('a share is there for the first call of a month and for each tier that follows', () => {
    fc.assert(
      fc.property(amount, tiers, (priceMinor, supplierShareTiers) => {
        const { shares } = rated({ priceMinor, supplierShareTiers });
        expect(shares.map(({ fromCall }) => fromCall)).toEqual(
          supplierShareTiers.map(({ fromCall }) => fromCall),
        );
        for (const [at, { shareMinor }] of shares.entries())
          expect(shareMinor).toBe(shareOf(priceMinor, supplierShareTiers[at]?.bps ?? 0));
      }),
    );
  });
});

describe('a price per second', () => {
  const increments = fc.record({
    priceMinor: fc.integer({ min: 1, max: 1_000_000_000 }),
    incrementS: fc.integer({ min: 1, max: 3_600 }),
    minimumS: fc.nat(3_600),
  });

  test('is the price of the fewest increments that hold the call and the minimum', () => {
    fc.assert(
      fc.property(increments, fc.integer({ min: 1, max: 604_800 }), (terms, durationS) => {
        const begun = BigInt(priceOf(terms, { durationS })) / BigInt(terms.priceMinor);
        const seconds = BigInt(Math.max(durationS, terms.minimumS));
        const increment = BigInt(terms.incrementS);
        expect(begun * increment).toBeGreaterThanOrEqual(seconds);
        expect((begun - 1n) * increment).toBeLessThan(seconds);
      }),
    );
  });

  test.each([
    [60, 30, 6, 10],
    [61, 30, 6, 11],
    [66, 30, 6, 11],
    [5, 30, 6, 5],
    [30, 30, 60, 1],
    [61, 0, 60, 2],
  ])('%i seconds, at least %i, in increments of %i are %i of them', (durationS, minimumS, incrementS, n) => {
    expect(priceOf({ priceMinor: 7, incrementS, minimumS }, { durationS })).toBe(7 * n);
  });

  test('that no amount can hold is refused', () => {
    const terms = { priceMinor: Number.MAX_SAFE_INTEGER, incrementS: 1, minimumS: 0 };
    expect(() => priceOf(terms, { durationS: 2 })).toThrow(
      expect.objectContaining({ code: 'AMOUNT_INVALID' }),
    );
  });

  test('is nothing for a call of no second', () => {
    const terms = { ...NO_TERMS, priceMinor: 7, incrementS: 6, minimumS: 0, supplierShareBps: 0 };
    expect(rateCall(terms, { durationS: 0, revenue: null })).toBe('nothing-owed');
  });
});

describe('a price of the revenue', () => {
  const terms = { ...NO_TERMS, revenueBps: 1_250, supplierShareBps: 5_000 };
  const usd = (amountMinor: number) => ({ amountMinor, currency: 'usd' });

  test('is its part of it, rounded down', () => {
    expect(priceOf(terms, { revenue: usd(79_999) })).toBe(9_999);
    expect(priceOf({ ...terms, revenueBps: 10_000 }, { revenue: usd(Number.MAX_SAFE_INTEGER) })).toBe(
      Number.MAX_SAFE_INTEGER,
    );
    const dinars = { ...terms, currency: 'kwd' };
    expect(priceOf(dinars, { revenue: { amountMinor: 79_990, currency: 'kwd' } })).toBe(9_990);
  });

  test('waits for the revenue, and for one in the currency of the terms', () => {
    expect(rateCall(terms, CALL)).toBe('no-revenue-yet');
    expect(rateCall(terms, { ...CALL, revenue: { amountMinor: 5_000, currency: 'eur' } })).toBe(
      'revenue-in-other-currency',
    );
  });

  test('is nothing where there was no revenue, or too little', () => {
    expect(rateCall(terms, { ...CALL, revenue: usd(0) })).toBe('nothing-owed');
    expect(rateCall(terms, { ...CALL, revenue: usd(7) })).toBe('nothing-owed');
  });

  test('below the share of the supplier is neither cut nor posted, but told', () => {
    const fixed = { ...terms, supplierShareBps: null, supplierShareMinor: 100 };
    expect(rateCall(fixed, { ...CALL, revenue: usd(800) })).toMatchObject({ priceMinor: 100 });
    expect(rateCall(fixed, { ...CALL, revenue: usd(799) })).toBe('share-above-price');
  });
});

describe('a share in basis points', () => {
  test('is never less for a higher price or for more of them', () => {
    fc.assert(
      fc.property(amount, amount, bps, bps, (a, b, x, y) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const [less, more] = x < y ? [x, y] : [y, x];
        expect(shareOf(low, less)).toBeLessThanOrEqual(shareOf(high, less));
        expect(shareOf(low, less)).toBeLessThanOrEqual(shareOf(low, more));
      }),
    );
  });

  test('is rounded down to a whole minor unit', () => {
    expect(shareOf(4_000, 7_000)).toBe(2_800);
    expect(shareOf(33, 5_000)).toBe(16);
    expect(shareOf(1, 9_999)).toBe(0);
    expect(shareOf(Number.MAX_SAFE_INTEGER, 10_000)).toBe(Number.MAX_SAFE_INTEGER);
    expect(shareOf(Number.MAX_SAFE_INTEGER, 3_333)).toBe(3_002_099_511_605_172);
  });

  test('in a currency of three decimals is what Stripe can transfer, and the exchange keeps the rest', () => {
    const shillings = rated({ currency: 'ugx', priceMinor: 500_000, supplierShareBps: 7_777 });
    expect(shillings.shares[0]?.shareMinor).toBe(388_800);
    const { shares } = rated({ currency: 'kwd', priceMinor: 1_500, supplierShareBps: 7_777 });
    expect(shares).toEqual([{ fromCall: 1, shareMinor: 1_160 }]);
  });
});

test('a price that is no whole number of minor units is refused', () => {
  for (const wrong of [0.1, Number.NaN, 2 ** 53]) {
    expect(() => shareOf(wrong, 5_000)).toThrow(expect.objectContaining({ code: 'AMOUNT_INVALID' }));
  }
});
