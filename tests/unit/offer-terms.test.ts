import { describe, expect, test } from 'vitest';
import { renderProposals } from '../../src/cli/campaigns.ts';
import { compareOffer, type TermsNow } from '../../src/jobs/campaigns/offer-terms.ts';

const TERMS: TermsNow = {
  ...{ currency: 'usd', priceMinor: 4_000, incrementS: null, minDurationS: 30 },
  ...{ supplierShareBps: 7_000, supplierShareMinor: null, supplierShareTiers: null },
  ...{ dailyCap: 200, monthlyCap: null, concurrencyCap: null },
};
const OFFER = { currency: 'usd', price: '40', share: { amount: '28' }, dailyCap: 200, monthlyCap: null };
const changesOf = (terms: Partial<TermsNow>, offer: object) =>
  Object.fromEntries(
    Object.entries(compareOffer({ ...TERMS, ...terms }, { currency: 'usd', ...offer }).changes).map(
      ([name, { to }]) => [name, to],
    ),
  );

describe('an offer beside the terms of its campaign', () => {
  test('changes nothing where it says the same, also in other words', () => {
    expect(compareOffer(TERMS, OFFER)).toEqual({ changes: {}, fault: null });
    expect(changesOf({}, { price: '40.00', share: { bps: 7_000 } })).toEqual({});
    expect(changesOf({ supplierShareBps: null, supplierShareMinor: 2_800 }, OFFER)).toEqual({});
  });

  test('changes what it says otherwise, and tells from what to what', () => {
    const offer = {
      currency: null,
      price: '45.5',
      share: { amount: '30' },
      dailyCap: null,
      minDurationS: 60,
    };
    expect(compareOffer(TERMS, offer)).toEqual({
      fault: null,
      changes: {
        priceMinor: { from: 4_000, to: 4_550 },
        supplierShareMinor: { from: null, to: 3_000 },
        supplierShareBps: { from: 7_000, to: null },
        dailyCap: { from: 200, to: null },
        minDurationS: { from: 30, to: 60 },
      },
    });
  });

  test('leaves what it does not say', () => {
    expect(changesOf({}, {})).toEqual({});
    expect(changesOf({}, { monthlyCap: 4_000 })).toEqual({ monthlyCap: 4_000 });
  });

  test('keeps a share in parts that still pays the amount at a new price', () => {
    expect(changesOf({}, { price: '50', share: { amount: '35' } })).toEqual({ priceMinor: 5_000 });
  });

  test('takes the place of tiers', () => {
    const tiers = [{ fromCall: 1, bps: 6_000 }];
    const offer = { share: { bps: 6_500 } };
    expect(changesOf({ supplierShareBps: null, supplierShareTiers: tiers }, offer)).toEqual({
      ...{ supplierShareBps: 6_500, supplierShareTiers: null },
    });
  });

  test.each([
    ['of which the platform knows nothing', TERMS, null, 'knows no such offer'],
    ['of a campaign without terms', null, OFFER, 'import its first ones'],
    ['in another currency', TERMS, { ...OFFER, currency: 'eur' }, 'in eur, the terms are in usd'],
    ['that is paid by the sale', TERMS, { ...OFFER, fault: 'by cps' }, 'by cps'],
    ['with a part of a cent', TERMS, { ...OFFER, price: '40.005' }, 'none of usd'],
    ['with a share that is no amount', TERMS, { ...OFFER, share: { amount: '1e2' } }, 'none of usd'],
    ['with a price below 0', TERMS, { ...OFFER, price: '-5' }, 'a priceMinor of -500'],
    ['with a price of 0', TERMS, { ...OFFER, price: '0' }, 'a priceMinor of 0'],
    ['with a share below 0', TERMS, { ...OFFER, share: { amount: '-5' } }, 'a supplierShareMinor of -500'],
    ['with a share above all', TERMS, { share: { bps: 12_000 } }, 'a supplierShareBps of 12000'],
    ['with a length below 0', TERMS, { minDurationS: -3 }, 'a minDurationS of -3'],
    ['with a length above all', TERMS, { minDurationS: 2 ** 31 }, 'a minDurationS of 2147483648'],
    ['with a cap above all', TERMS, { dailyCap: 2 ** 40 }, 'a dailyCap of'],
    ['by the call beside terms by the minute', { ...TERMS, incrementS: 6 }, OFFER, 'price by the call'],
    ['by the call beside terms by revenue', { ...TERMS, priceMinor: null }, OFFER, 'price by the call'],
  ])('cannot become terms: one %s', (_, terms, offer, why) => {
    const { changes, fault } = compareOffer(terms, offer === null ? null : { currency: null, ...offer });
    expect(changes).toEqual({});
    expect(fault).toContain(why);
  });
});

test('the diff shows each term as it is and as it would be, and why a proposal cannot be applied', () => {
  const one = {
    ...{ id: 'e7a5d9e2-7f8e-4c35-9a53-07a2b8ed5f01', campaignId: 'e7a5d9e2-7f8e-4c35-9a53-07a2b8ed5f02' },
    ...{ campaign: 'Roof Repair', provider: 'everflow', offerId: '33', currency: 'usd' },
    foundMs: Date.UTC(2026, 10, 2, 3, 40),
  };
  const changes = {
    priceMinor: { from: 4_000, to: 4_550 },
    supplierShareBps: { from: 7_000, to: null },
    dailyCap: { from: null, to: 200 },
  };
  const shown = renderProposals([
    { ...one, changes, fault: null },
    { ...one, changes: {}, fault: 'the platform knows no such offer' },
  ]);
  const cells = shown.split('\n').map((line) => line.split('  ').flatMap((cell) => cell.trim() || []));
  expect(cells).toEqual([
    ['id', 'campaign', 'offer', 'found (UTC)', 'term', 'is', 'would be'],
    [one.id, 'Roof Repair', 'everflow 33', '2026-11-02 03:40', 'priceMinor', '40.00 USD', '45.50 USD'],
    ['supplierShareBps', '70 %', '-'],
    ['dailyCap', '-', '200'],
    [one.id, 'Roof Repair', 'everflow 33', '2026-11-02 03:40', 'CANNOT', 'the platform knows no such offer'],
  ]);
});
