import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokenIn, wrongIn } from '../helpers/books.ts';
import { type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
    expect(await brokenIn(house.db, house.clock.nowMs())).toEqual([]);
  } finally {
    await house.end();
  }
});

const earned = () =>
  house.sql<{ price: number; share: number }>(
    `select price_minor as price, share_minor as share from earnings where state <> 'clawed_back' order by started_at, call_id`,
  );
const decisions = () =>
  house.sql<{ status: string; reasons: string[] }>(
    `select c.status, (select coalesce(jsonb_agg(r ->> 'signal'), '[]') from jsonb_array_elements(s.reasons) r) as reasons
     from calls c left join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version order by c.started_at, c.id`,
  );
const usd = (amount_minor: number) => ({ amount_minor, currency: 'USD' });

describe('a price', () => {
  test('per second is for begun increments, and the journal names the terms', async () => {
    const { number } = await house.road({ priceMinor: 5, incrementS: 6, minimumS: 60 });
    await house.call({ number, durationS: 45 });
    await house.call({ number, durationS: 61, startedAtMs: house.clock.nowMs() - 30_000 });
    await house.work();
    expect(await earned()).toEqual([
      { price: 50, share: 35 },
      { price: 55, share: 38 },
    ]);
    const named = await house.sql(
      `select 1 from journals j join campaign_terms t on t.id::text = j.refs ->> 'termsId' where template = 'call'`,
    );
    expect(named).toHaveLength(2);
  });

  test('of the revenue waits for it, and is rated when it comes', async () => {
    const { number } = await house.road({ revenueBps: 1_500 });
    const callId = await house.call({ number });
    await house.work();
    expect(await decisions()).toEqual([{ status: 'held', reasons: ['no-revenue-yet'] }]);
    const statedAtMs = house.clock.nowMs() + 60_000;
    await house.call({ number, callId, revenue: usd(20_001), statedAtMs });
    await house.work();
    expect(await decisions()).toEqual([{ status: 'qualified', reasons: [] }]);
    expect(await earned()).toEqual([{ price: 3_000, share: 2_100 }]);
  });

  test('of the revenue follows what is reported after it was posted, by the newest report', async () => {
    const { number } = await house.road({ revenueBps: 1_500 });
    const startedAtMs = house.clock.nowMs() - 300_000;
    const call = { number, startedAtMs, callId: 'follows', caller: '+12127361234' };
    await house.call({ ...call, revenue: usd(20_000), statedAtMs: startedAtMs + 200_000 });
    await house.work();
    for (const [amount, after] of [
      [90_000, 260_000],
      [5_000, 240_000],
      [1, 100_000],
    ] as const)
      await house.call({ ...call, revenue: usd(amount), statedAtMs: startedAtMs + after });
    await house.work();
    expect(await earned()).toEqual([{ price: 13_500, share: 9_450 }]);
    expect(await house.sql('select amount_minor, late from call_revenues')).toEqual([
      { amount_minor: 90_000, late: null },
    ]);
  });

  test('of the revenue is the same in whatever order the reports come', async () => {
    const { number } = await house.road({ revenueBps: 1_000 });
    const startedAtMs = house.clock.nowMs() - 300_000;
    const reports = [
      { durationS: 100, statedAtMs: startedAtMs + 110_000 },
      { durationS: 120, statedAtMs: startedAtMs + 130_000, revenue: usd(5_000) },
      { durationS: 140, statedAtMs: startedAtMs + 150_000 },
    ];
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const callId = `order-${order.join('')}`;
      for (const nth of order) await house.call({ number, callId, startedAtMs, ...reports[nth] });
    }
    await house.work();
    const rated = { duration_s: 140, price_minor: 500 };
    expect(await house.sql('select duration_s, price_minor from earnings')).toEqual(
      Array.from({ length: 6 }, () => rated),
    );
  });

  test('that is nothing earns nothing, and one below the share of the supplier waits for a person', async () => {
    const { number } = await house.road({ revenueBps: 1_000, supplierShareMinor: 400 });
    const startedAtMs = house.clock.nowMs() - 300_000;
    for (const [nth, amount] of [0, 3_999, 4_000].entries())
      await house.call({ number, startedAtMs: startedAtMs + nth * 1_000, revenue: usd(amount) });
    await house.work();
    expect(await decisions()).toEqual([
      { status: 'rejected', reasons: ['nothing-owed'] },
      { status: 'held', reasons: ['share-above-price'] },
      { status: 'qualified', reasons: [] },
    ]);
    expect(await earned()).toEqual([{ price: 400, share: 400 }]);
  });
});

describe('tiers', () => {
  const supplierShareTiers = [
    { fromCall: 1, bps: 5_000 },
    { fromCall: 3, bps: 6_000 },
    { fromCall: 5, bps: 7_000 },
  ];
  const shares = async () => (await earned()).map(({ share }) => share);

  test('are marginal: each call earns by its own place in the month, in the order of the starts', async () => {
    const { number } = await house.road({ priceMinor: 1_000, supplierShareTiers });
    const startedAtMs = house.clock.nowMs() - 3_600_000;
    for (const minute of [5, 3, 1, 4, 2, 0])
      await house.call({ number, startedAtMs: startedAtMs + minute * 60_000 });
    const ids = (await house.sql<{ id: string }>('select id from calls')).map(({ id }) => id);
    const contexts = await house.services.calls.scoringContext(ids);
    const decided = contexts.map(({ callId, factsVersion, terms }) => ({
      ...{ callId, factsVersion, score: 0, decision: 'qualify' as const, reasons: [] },
      ...{ termsId: terms?.termsId ?? '', priceMinor: 1_000 },
      shares: supplierShareTiers.map(({ fromCall, bps }) => ({ fromCall, shareMinor: bps / 10 })),
    }));
    await house.services.calls.rate(decided, house.clock.nowMs());
    expect(await shares()).toEqual([500, 500, 600, 600, 700, 700]);
  });

  test('count a call that comes late as the newest, each supplier alone, and begin anew each month of the campaign', async () => {
    const [buyer, supplier, other] = [await house.buyer(), await house.supplier(), await house.supplier()];
    const terms = { priceMinor: 1_000, supplierShareTiers, timezone: 'Asia/Tokyo' };
    const { id, number } = await house.campaign(buyer, supplier, terms);
    const second = '+18009990001';
    await house.put({ trackingNumbers: [{ number: second, campaignId: id, supplierId: other.id }] });
    const at = (text: string) => Date.parse(`${text}:00+09:00`);
    const rate = async (startedAt: string, tracked = number) => {
      await house.call({ number: tracked, startedAtMs: at(startedAt) });
      await house.work();
    };
    await rate('2026-10-31T23:57');
    await rate('2026-11-01T00:01');
    await rate('2026-11-01T00:05');
    await rate('2026-10-31T23:58');
    await rate('2026-10-31T23:50');
    await rate('2026-10-31T23:59', second);
    await rate('2026-11-01T00:03');
    expect(await shares()).toEqual([600, 500, 500, 500, 500, 600, 500]);
  });
});

test('hours are by the clocks of the campaign, also in the two nights in which these are changed', async () => {
  const terms = { timezone: 'America/New_York', hours: [{ days: [7], from: '01:30', to: '02:30' }] };
  const { number } = await house.road({ ...terms, minDurationS: 0 });
  const expected = {
    // 2026-03-08: after 01:59 the clocks show 03:00.
    '2026-03-08T06:29:00Z': 'rejected',
    '2026-03-08T06:30:00Z': 'qualified',
    '2026-03-08T06:59:59Z': 'qualified',
    '2026-03-08T07:00:00Z': 'rejected',
    // 2026-11-01: after 01:59 the clocks show 01:00 again.
    '2026-11-01T05:29:59Z': 'rejected',
    '2026-11-01T05:30:00Z': 'qualified',
    '2026-11-01T05:59:59Z': 'qualified',
    '2026-11-01T06:00:00Z': 'rejected',
    '2026-11-01T06:30:00Z': 'qualified',
    '2026-11-01T07:29:59Z': 'qualified',
    '2026-11-01T07:30:00Z': 'rejected',
    // A Monday.
    '2026-11-02T06:45:00Z': 'rejected',
  };
  for (const at of Object.keys(expected)) await house.call({ number, startedAtMs: Date.parse(at) });
  await house.work();
  const found = await decisions();
  expect(found.map(({ status }) => status)).toEqual(Object.values(expected));
  for (const { status, reasons } of found)
    expect(reasons).toEqual(status === 'rejected' ? ['outside-hours'] : []);
});

test('a day that is open until its end is open in its last minute, and the next one is not', async () => {
  const { number } = await house.road({ hours: [{ days: [7], from: '00:00', to: '24:00' }] });
  for (const at of [
    '2026-10-31T23:59:59Z',
    '2026-11-01T00:00:00Z',
    '2026-11-01T23:59:59Z',
    '2026-11-02T00:00:00Z',
  ])
    await house.call({ number, startedAtMs: Date.parse(at) });
  await house.work();
  const found = (await decisions()).map(({ status }) => status);
  expect(found).toEqual(['rejected', 'qualified', 'qualified', 'rejected']);
});

test('terms that begin before a call which others rated are refused, and a campaign with calls stays in its zone', async () => {
  const { id, number, buyer } = await house.road();
  const startedAtMs = house.clock.nowMs() - 300_000;
  await house.call({ number, startedAtMs });
  await house.work();
  const later = (validFromMs: number) => ({
    ...{ id: randomUUID(), campaignId: id, validFromMs, currency: 'usd', priceMinor: 5_000 },
    ...{ supplierShareBps: 0, minDurationS: 0, duplicateWindowS: 0 },
  });
  const refused = { code: 'PARTIES_REFUSED' };
  await expect(house.put({ terms: [later(startedAtMs)] })).rejects.toMatchObject(refused);
  await house.put({ terms: [later(startedAtMs + 1)] });
  const campaign = { id, buyerId: buyer.id, name: 'Moved' };
  await expect(house.put({ campaigns: [{ ...campaign, timezone: 'Asia/Tokyo' }] })).rejects.toMatchObject(
    refused,
  );
  await house.put({ campaigns: [campaign, { ...campaign, id: randomUUID(), timezone: 'Asia/Tokyo' }] });
  expect(await house.sql('select name, timezone from campaigns order by timezone desc')).toEqual([
    { name: 'Moved', timezone: 'UTC' },
    { name: 'Moved', timezone: 'Asia/Tokyo' },
  ]);
});
