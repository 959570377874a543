import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCallsStore } from '../../src/integrations/supabase/calls.ts';
import { createFraudStore } from '../../src/integrations/supabase/fraud.ts';
import { createOperationsStore, type Parties, parties } from '../../src/integrations/supabase/operations.ts';
import { readRules } from '../../src/jobs/fraud/read-rules.ts';
import { failureOf } from '../helpers/calls.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { PROJECT } from '../helpers/migrations.ts';

const NOW_MS = Date.UTC(2026, 2, 10, 12);
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const terms = {
  id: id(4),
  campaignId: id(3),
  validFromMs: NOW_MS,
  currency: 'usd',
  priceMinor: 1_500,
  supplierShareBps: 7_000,
  minDurationS: 60,
  duplicateWindowS: 3_600,
};
const EXCHANGE = parties.parse({
  suppliers: [{ id: id(1), name: 'Supplier' }],
  buyers: [{ id: id(2), name: 'Buyer' }],
  campaigns: [{ id: id(3), buyerId: id(2), name: 'Campaign' }],
  terms: [terms],
  trackingNumbers: [{ number: '+12025550123', campaignId: id(3), supplierId: id(1) }],
});
const NOBODY: Parties = { suppliers: [], buyers: [], campaigns: [], terms: [], trackingNumbers: [] };

const fresh = (change: Partial<Parties['terms'][number]>) => ({
  ...terms,
  id: id(5),
  validFromMs: 0,
  ...change,
});
const fixed = (supplierShareMinor: number) => ({ supplierShareBps: undefined, supplierShareMinor });

let db: TestDatabase;
const take = (imported: Parties) =>
  createOperationsStore(db.database.rpc).importParties(imported, 'tests', NOW_MS);

beforeAll(async () => {
  db = await createTestDatabase();
  await take(EXCHANGE);
});
afterAll(() => db.close());

test.each([
  [
    'a buyer whose day never ends',
    { buyers: EXCHANGE.buyers.map((buyer) => ({ ...buyer, timezone: 'Mars/Olympus' })) },
  ],
  ['terms in a currency that nobody settles', { terms: [{ ...terms, id: id(5), currency: 'zzz' }] }],
  [
    'a price that Stripe cannot charge',
    { terms: [{ ...terms, id: id(5), currency: 'kwd', priceMinor: 1_005, validFromMs: 0 }] },
  ],
  ['another price under the terms that calls were rated by', { terms: [{ ...terms, priceMinor: 5 }] }],
  ['another start of the same terms', { terms: [{ ...terms, validFromMs: 0 }] }],
  ['terms without a price', { terms: [fresh({ priceMinor: undefined })] }],
  ['terms with two prices', { terms: [fresh({ revenueBps: 1_000 })] }],
  ['an increment without a minimum', { terms: [fresh({ incrementS: 6 })] }],
  [
    'an increment of no price',
    { terms: [fresh({ priceMinor: undefined, revenueBps: 1_000, incrementS: 6, minimumS: 0 })] },
  ],
  ['terms without a share', { terms: [fresh({ supplierShareBps: undefined })] }],
  ['terms with two shares', { terms: [fresh({ supplierShareMinor: 5 })] }],
  ['an amount above the price of a call', { terms: [fresh(fixed(1_501))] }],
  [
    'an amount above the price of the shortest call that is paid for',
    { terms: [fresh({ ...fixed(81), priceMinor: 10, incrementS: 6, minimumS: 45, minDurationS: 48 })] },
  ],
  [
    'an amount that Stripe cannot transfer',
    { terms: [fresh({ ...fixed(15), currency: 'kwd', priceMinor: 1_000 })] },
  ],
  [
    'a price that a long call lifts beyond what an amount can hold',
    { terms: [fresh({ priceMinor: 2 ** 40, incrementS: 1, minimumS: 0 })] },
  ],
  [
    'a campaign in a zone that does not exist',
    { campaigns: EXCHANGE.campaigns.map((campaign) => ({ ...campaign, timezone: 'Mars/Olympus' })) },
  ],
  [
    'another buyer for a campaign that has calls',
    {
      buyers: EXCHANGE.buyers.map((buyer) => ({ ...buyer, id: id(9) })),
      campaigns: [{ id: id(3), buyerId: id(9), name: 'Campaign' }],
    },
  ],
])('an import is refused whole when it names %s', async (_name, part) => {
  const before = await db.sql('select * from campaign_terms, buyers, campaigns');
  expect(await failureOf(take({ ...NOBODY, ...part }))).toMatchObject({ code: 'PARTIES_REFUSED' });
  expect(await db.sql('select * from campaign_terms, buyers, campaigns')).toEqual(before);
});

test('an amount as high as the price of the shortest call that is paid for is taken', async () => {
  const perSecond = { priceMinor: 10, incrementS: 6, minimumS: 45, minDurationS: 48 };
  await take({ ...NOBODY, terms: [fresh({ ...fixed(80), ...perSecond, id: id(7) })] });
  expect(await db.sql('delete from campaign_terms where id = $1 returning price_minor', [id(7)])).toEqual([
    { price_minor: 10 },
  ]);
});

test.each([
  ['tiers that do not begin with the first call', [{ fromCall: 2, bps: 5_000 }]],
  [
    'tiers that do not ascend',
    [
      { fromCall: 1, bps: 5_000 },
      { fromCall: 1, bps: 6_000 },
    ],
  ],
  ['no tier', []],
  ['a tier above the whole price', [{ fromCall: 1, bps: 10_001 }]],
])('an import of a share with %s is not read', (_name, supplierShareTiers) => {
  const { supplierShareBps, ...rest } = terms;
  expect(parties.safeParse({ ...NOBODY, terms: [{ ...rest, supplierShareTiers }] }).success).toBe(false);
});

test.each([
  ['no hours', []],
  ['hours of no day', [{ days: [], from: '09:00', to: '10:00' }]],
  ['hours of an eighth day', [{ days: [8], from: '09:00', to: '10:00' }]],
  ['hours over midnight', [{ days: [1], from: '22:00', to: '02:00' }]],
  ['hours that end as they begin', [{ days: [1], from: '09:00', to: '09:00' }]],
  ['hours that no clock shows', [{ days: [1], from: '09:00', to: '24:01' }]],
  ['hours in other digits', [{ days: [1], from: '9:00', to: '10:00' }]],
])('an import with %s is not read', (_name, hours) => {
  expect(parties.safeParse({ ...NOBODY, terms: [{ ...terms, hours }] }).success).toBe(false);
  const open = [{ days: [1, 7], from: '00:00', to: '24:00' }];
  expect(parties.safeParse({ ...NOBODY, terms: [{ ...terms, hours: open }] }).success).toBe(true);
});

test.each(['dailyCap', 'monthlyCap', 'concurrencyCap'])(
  'an import with a %s of no call is not read',
  (cap) => {
    expect(parties.safeParse({ ...NOBODY, terms: [{ ...terms, [cap]: 0 }] }).success).toBe(false);
    expect(parties.safeParse({ ...NOBODY, terms: [{ ...terms, [cap]: 1 }] }).success).toBe(true);
  },
);

test('the import that docs/terms.md shows is taken', async () => {
  const page = await readFile(join(PROJECT, 'docs', 'terms.md'), 'utf8');
  const example = page.split('```json\n')[1]?.split('```')[0] ?? '';
  const other = await createTestDatabase();
  try {
    const imported = parties.parse(JSON.parse(example));
    await createOperationsStore(other.database.rpc).importParties(imported, 'tests', NOW_MS);
    expect(await other.sql('select id from campaign_terms')).toHaveLength(2);
  } finally {
    await other.close();
  }
});

test('an import that changes nothing, and a buyer who moves to another zone, are taken', async () => {
  await take(EXCHANGE);
  await take({
    ...NOBODY,
    buyers: EXCHANGE.buyers.map((buyer) => ({ ...buyer, timezone: 'Asia/Tokyo' })),
  });
  expect(await db.sql('select timezone from buyers')).toEqual([{ timezone: 'Asia/Tokyo' }]);
});

test('a call that was held because its campaign had no terms yet is scored again when they come', async () => {
  const event = {
    source: 'demo',
    eventId: 'early',
    kind: 'call.completed',
    receivedAtMs: NOW_MS,
    bodySealed: null,
    trace: 'demo/early',
  };
  const report = {
    externalId: 'early',
    trackingNumber: '+12025550123',
    callerNumber: '+12125550123',
    startedAtMs: NOW_MS - 60_000,
    durationS: 120,
    answered: true,
    factsAtMs: NOW_MS,
  };
  const { rpc } = db.database;
  const calls = createCallsStore(rpc);
  await calls.ingest([{ ...event, report }], NOW_MS);
  const [stored] = await db.sql<{ id: string }>(`select id from calls where external_id = 'early'`);
  const [context] = await calls.scoringContext([stored?.id ?? '']);
  if (context === undefined) throw new Error('the call was not stored');
  const { callId, factsVersion } = context;
  const decide = await readRules(createFraudStore(rpc), [context]);
  expect(await calls.rate([{ callId, factsVersion, ...decide(context) }], NOW_MS)).toEqual(['hold']);

  expect(await take(NOBODY)).toEqual({ routedCalls: 0 });
  const earlier = { ...terms, id: id(6), validFromMs: NOW_MS - 3_600_000 };
  expect(await take({ ...NOBODY, terms: [earlier] })).toEqual({ routedCalls: 1 });
  const [again] = await calls.scoringContext([callId]);
  expect(again).toMatchObject({
    status: 'stored',
    factsVersion: factsVersion + 1,
    terms: { termsId: id(6) },
  });
  expect(await take({ ...NOBODY, terms: [earlier] })).toEqual({ routedCalls: 0 });
});

test('a field that an import leaves out keeps what stands, and null clears it', async () => {
  const known = async () =>
    db.sql('select timezone, stripe_customer_id as customer from buyers where id = $1', [id(2)]);
  const buyer = { id: id(2), name: 'Buyer' };
  await take({
    ...NOBODY,
    buyers: [{ ...buyer, timezone: 'America/Denver', stripeCustomerId: 'cus_known' }],
  });
  await take({ ...NOBODY, buyers: [buyer] });
  expect(await known()).toEqual([{ timezone: 'America/Denver', customer: 'cus_known' }]);
  await take({ ...NOBODY, buyers: [{ ...buyer, stripeCustomerId: null }] });
  expect(await known()).toEqual([{ timezone: 'America/Denver', customer: null }]);
});
