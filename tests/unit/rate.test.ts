import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rateCall } from '../../src/jobs/fraud/rate.ts';

const price = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const bps = fc.integer({ min: 0, max: 10_000 });
const shareOf = (priceMinor: number, supplierShareBps: number) =>
  rateCall({ termsId: 't', currency: 'usd', priceMinor, supplierShareBps }).shareMinor;

test('share and margin are the price to the last unit, and neither is negative', () => {
  fc.assert(
    fc.property(price, bps, (priceMinor, share) => {
      const rating = rateCall({ termsId: 't', currency: 'usd', priceMinor, supplierShareBps: share });
      const margin = rating.priceMinor - rating.shareMinor;
      expect(Number.isSafeInteger(rating.shareMinor)).toBe(true);
      expect(rating.shareMinor).toBeGreaterThanOrEqual(0);
      expect(margin).toBeGreaterThanOrEqual(0);
      expect(BigInt(rating.shareMinor) + BigInt(margin)).toBe(BigInt(priceMinor));
    }),
  );
});

test('a higher price or a higher share never earns the supplier less', () => {
  fc.assert(
    fc.property(price, price, bps, bps, (a, b, x, y) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      const [less, more] = x < y ? [x, y] : [y, x];
      expect(shareOf(low, less)).toBeLessThanOrEqual(shareOf(high, less));
      expect(shareOf(low, less)).toBeLessThanOrEqual(shareOf(low, more));
    }),
  );
});

test('the share is rounded down to a whole minor unit', () => {
  expect(shareOf(4_000, 7_000)).toBe(2_800);
  expect(shareOf(33, 5_000)).toBe(16);
  expect(shareOf(1, 9_999)).toBe(0);
  expect(shareOf(Number.MAX_SAFE_INTEGER, 10_000)).toBe(Number.MAX_SAFE_INTEGER);
  expect(shareOf(Number.MAX_SAFE_INTEGER, 3_333)).toBe(3_002_099_511_605_172);
});

test('a price that is no whole number of minor units is refused', () => {
  for (const wrong of [0.1, Number.NaN, 2 ** 53]) {
    expect(() => shareOf(wrong, 5_000)).toThrow(expect.objectContaining({ code: 'AMOUNT_INVALID' }));
  }
});

test('a share in a currency of three decimals is what Stripe can transfer, and the exchange keeps the rest', () => {
  const terms = { termsId: 't', currency: 'kwd', priceMinor: 1_500, supplierShareBps: 7_777 };
  expect(rateCall(terms).shareMinor).toBe(1_160);
});
