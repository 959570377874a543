import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { everflowOffer, ringbaCampaign, tuneOffer } from '../helpers/campaign-platforms.ts';
import { withPlatforms } from '../helpers/campaigns.ts';
import { DAY_MS, dateAfter, OPENS_MS } from '../helpers/house.ts';

const at = withPlatforms();
const dearer = everflowOffer({}, { revenue_amount: 50, payout_amount: 36.5 });
const { stringify } = JSON;

const proposals = () => at.house.services.campaigns.proposals();
async function only() {
  const [one, ...more] = await proposals();
  if (one === undefined || more.length > 0) throw new Error(`not one proposal: ${stringify([one, more])}`);
  return one;
}
const termsOf = (campaign: string) =>
  at.house.sql<{ priceMinor: number; validFrom: string; dailyCap: number | null; shareMinor: number | null }>(
    `select price_minor::int as "priceMinor", app.ms(valid_from)::float8 as "validFrom", daily_cap as "dailyCap",
       supplier_share_minor::int as "shareMinor", supplier_share_bps as "shareBps" from campaign_terms where campaign_id = $1 order by valid_from`,
    [campaign],
  );
const apply = (id: string, fromMs: number | null = null) =>
  at.house.services.campaigns.apply(id, fromMs, 'ops', at.house.clock.nowMs());

describe('the offers of platforms', () => {
  test('are read each night, and what they say otherwise is one proposal, also when the job runs twice', async () => {
    const road = await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', dearer);
    const before = await termsOf(road.id);
    expect(await at.house.run(at.night())).toMatchObject({ end: 'finish' });
    const first = await only();
    expect(first).toMatchObject({
      ...{ campaignId: road.id, provider: 'everflow', offerId: '33', fault: null },
      changes: {
        priceMinor: { from: 4_000, to: 5_000 },
        supplierShareMinor: { from: null, to: 3_650 },
        supplierShareBps: { from: 7_000, to: null },
      },
    });
    expect(await at.house.run(at.night())).toMatchObject({ end: 'finish' });
    expect(await at.house.run(at.night(dateAfter(1)))).toMatchObject({ end: 'finish' });
    expect(await proposals()).toEqual([first]);
    // Nothing changed by that.
    expect(await termsOf(road.id)).toEqual(before);
  });

  test('become a new period of terms when a person applies them, from the campaign’s next midnight on, once', async () => {
    const road = await at.offerOf('everflow', '33', { timezone: 'America/New_York', dailyCap: 9 });
    at.platforms.at.offers.everflow.set('33', everflowOffer({}, { revenue_amount: 50, payout_amount: 35 }));
    await at.house.run(at.night());
    const { id } = await only();
    const midnight = Date.parse('2026-11-03T05:00:00Z');
    expect(await apply(id)).toEqual({ applied: true, termsId: id, validFromMs: midnight });
    expect(await apply(id)).toEqual({ applied: false, termsId: id, validFromMs: midnight });
    expect((await termsOf(road.id)).map(({ priceMinor, dailyCap }) => [priceMinor, dailyCap])).toEqual([
      [4_000, 9],
      [5_000, null],
    ]);
    const before = await at.house.call({ number: road.number, startedAtMs: OPENS_MS - 60_000 });
    at.house.advance(DAY_MS);
    const after = await at.house.call({ number: road.number });
    await at.house.work({}, ['campaigns.push-conversion']);
    const prices = await at.house.sql<{ call: string; price: number }>(
      'select external_id as call, price_minor::int as price from earnings e join calls c on c.id = e.call_id',
    );
    expect(Object.fromEntries(prices.map(({ call, price }) => [call, price]))).toEqual({
      [before]: 4_000,
      [after]: 5_000,
    });
    await at.house.run(at.night(dateAfter(1)));
    expect(await proposals()).toEqual([]);
  });

  test('of three platforms are read, each in its own words', async () => {
    const roads = await Promise.all([
      at.offerOf('ringba', 'CA1'),
      at.offerOf('everflow', '33'),
      at.offerOf('tune', '7'),
    ]);
    const { offers } = at.platforms.at;
    offers.ringba.set('CA1', ringbaCampaign({ dailyCap: 50, payoutAmount: 20 }));
    offers.everflow.set('33', everflowOffer({ is_caps_enabled: true, daily_conversion_cap: 60 }));
    offers.tune.set('7', tuneOffer({ max_payout: '45.50', conversion_cap: '70' }));
    await at.house.run(at.night());
    const found = Object.fromEntries((await proposals()).map((one) => [one.campaignId, one.changes]));
    expect(roads.map(({ id }) => found[id])).toMatchObject([
      { dailyCap: { to: 50 }, supplierShareMinor: { to: 2_000 } },
      { dailyCap: { to: 60 } },
      { dailyCap: { to: 70 }, priceMinor: { to: 4_550 } },
    ]);
    expect(found[roads[1].id]).toEqual({ dailyCap: { from: null, to: 60 } });
  });

  test('of a platform that is away keep no other from being read, and the night comes again', async () => {
    await at.offerOf('ringba', 'CA1');
    const road = await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', dearer);
    at.platforms.at.refuse.push(503, 503, 503, 503);
    expect(await at.house.run(at.night())).toMatchObject({ end: 'wait', code: 'PROVIDER_UNAVAILABLE' });
    expect(await only()).toMatchObject({ campaignId: road.id });
    at.platforms.at.offers.ringba.set('CA1', ringbaCampaign());
    expect(await at.house.run(at.night())).toMatchObject({ end: 'finish' });
  });
});

test.each([400, 404, 422])(
  'one offer that its platform refuses by %i is a fault of its campaign, and keeps no other from being read',
  async (status) => {
    const roads = [await at.offerOf('everflow', '33'), await at.offerOf('everflow', '34')];
    for (const id of ['33', '34']) at.platforms.at.offers.everflow.set(id, dearer);
    at.platforms.at.refuse.push(status);
    expect(await at.house.run(at.night())).toMatchObject({ end: 'finish' });
    const found = await proposals();
    expect(found.map(({ campaignId }) => campaignId).toSorted()).toEqual(
      roads.map(({ id }) => id).toSorted(),
    );
    expect(found.filter(({ fault }) => fault !== null)).toHaveLength(1);
  },
);

test('a platform that refuses our key says nothing of its offers', async () => {
  await at.offerOf('everflow', '33');
  at.platforms.at.refuse.push(...Array.from({ length: 8 }, () => 403));
  expect(await at.house.run(at.night())).toMatchObject({ end: 'dead', code: 'PROVIDER_REFUSED' });
  expect(await proposals()).toEqual([]);
});

test.each([
  'NetworkToken 1 is not authenticated',
  'User is not permitted to perform this action',
  'what is this',
])('a refusal of TUNE that is a 200 with “%s” leaves what is proposed as it is', async (text) => {
  await at.offerOf('tune', '7');
  await at.offerOf('tune', '8');
  for (const id of ['7', '8']) at.platforms.at.offers.tune.set(id, tuneOffer({ max_payout: '45.50' }));
  await at.house.run(at.night());
  const before = await proposals();
  expect(before).toHaveLength(2);
  at.platforms.at.tuneRefuses = text;
  expect(await at.house.run(at.night(dateAfter(1)))).toMatchObject({
    end: 'dead',
    code: 'PROVIDER_REFUSED',
  });
  expect(await proposals()).toEqual(before);
});

describe('a night of which nothing can be read', () => {
  const badNight = async (day: number) => {
    at.platforms.at.offers.everflow.set('33', { name: 'no payouts' });
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
    expect(await at.house.run(at.night(dateAfter(day)), { log })).toMatchObject({ end: 'finish' });
    return lines.map((line) => JSON.parse(line));
  };

  test('leaves a proposal that stands open, and says so in the log', async () => {
    await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', dearer);
    await at.house.run(at.night());
    const first = await only();
    expect(await badNight(1)).toMatchObject([
      {
        ...{ campaignId: first.campaignId, provider: 'everflow', offerId: '33', end: 'open' },
        ...{
          fault: expect.stringContaining('unknown shape'),
          msg: expect.stringContaining('could not be read'),
        },
      },
    ]);
    expect(await only()).toEqual(first);
    expect(await apply(first.id)).toMatchObject({ applied: true });
  });

  test('brings back nothing that was dismissed', async () => {
    await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', dearer);
    await at.house.run(at.night());
    await at.house.services.campaigns.dismiss((await only()).id, 'ops', 'by mail', at.house.clock.nowMs());
    at.house.advance(DAY_MS);
    await badNight(1);
    expect((await only()).fault).toContain('unknown shape');
    at.house.advance(DAY_MS);
    at.platforms.at.offers.everflow.set('33', dearer);
    await at.house.run(at.night(dateAfter(2)));
    expect(await proposals()).toEqual([]);
    at.platforms.at.offers.everflow.set('33', everflowOffer({}, { revenue_amount: 60 }));
    await at.house.run(at.night(dateAfter(3)));
    expect(await only()).toMatchObject({ changes: { priceMinor: { to: 6_000 } } });
  });
});

describe('a proposal', () => {
  test('is withdrawn when its campaign becomes another offer, and cannot be applied', async () => {
    const road = await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', dearer);
    await at.house.run(at.night());
    const { id } = await only();
    await at.link(road, { provider: 'everflow', id: '34' });
    expect(await proposals()).toEqual([]);
    await expect(apply(id)).rejects.toMatchObject({ code: 'PROPOSAL_REFUSED' });
    // Also of one that stands open all the same.
    await at.house.sql(`update term_proposals set state = 'open', ended_at = null`);
    await expect(apply(id)).rejects.toMatchObject({ code: 'PROPOSAL_REFUSED' });
    expect(await termsOf(road.id)).toHaveLength(1);
  });

  test('that was dismissed does not come again while the offer stays; another does', async () => {
    await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', dearer);
    await at.house.run(at.night());
    const { id } = await only();
    const { campaigns, clock } = at.house.services;
    expect(await campaigns.dismiss(id, 'ops', 'agreed by mail', clock.nowMs())).toBe(true);
    expect(await campaigns.dismiss(id, 'ops', 'agreed by mail', clock.nowMs())).toBe(false);
    await at.house.run(at.night(dateAfter(1)));
    expect(await proposals()).toEqual([]);
    at.platforms.at.offers.everflow.set('33', everflowOffer({}, { revenue_amount: 60 }));
    await at.house.run(at.night(dateAfter(2)));
    expect(await only()).toMatchObject({ changes: { priceMinor: { to: 6_000 } } });
    await expect(apply(id)).rejects.toMatchObject({ code: 'PROPOSAL_REFUSED' });
  });

  test('gives way when the offer says again what the terms say', async () => {
    await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', dearer);
    await at.house.run(at.night());
    at.platforms.at.offers.everflow.set('33', everflowOffer());
    await at.house.run(at.night(dateAfter(1)));
    expect(await proposals()).toEqual([]);
  });

  test('is not applied over terms that came since, nor before those that it follows', async () => {
    const road = await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', dearer);
    await at.house.run(at.night());
    const { id } = await only();
    await expect(apply(id, Date.UTC(2025, 0))).rejects.toMatchObject({ code: 'PROPOSAL_REFUSED' });
    const facts = { campaignId: road.id, currency: 'usd', minDurationS: 30, duplicateWindowS: 0 };
    const share = { priceMinor: 4_400, supplierShareBps: 7_000 };
    await at.house.put({
      terms: [
        { id: 'e7a5d9e2-7f8e-4c35-9a53-07a2b8ed5f01', validFromMs: OPENS_MS + DAY_MS, ...facts, ...share },
      ],
    });
    const late = apply(id, OPENS_MS + 2 * DAY_MS);
    await expect(late).rejects.toMatchObject({ code: 'PROPOSAL_REFUSED' });
    await at.house.run(at.night(dateAfter(1)));
    expect(await only()).toMatchObject({ changes: { priceMinor: { from: 4_400, to: 5_000 } } });
  });

  test('of an offer that nobody knows, or that no terms can say, tells why and cannot be applied', async () => {
    await at.offerOf('everflow', '33');
    await at.house.run(at.night());
    const { id } = await only();
    expect(await only()).toMatchObject({ changes: {}, fault: 'the platform knows no such offer' });
    await expect(apply(id)).rejects.toMatchObject({ code: 'PROPOSAL_REFUSED' });
    at.platforms.at.offers.everflow.set('33', { name: 'no payouts' });
    await at.house.run(at.night(dateAfter(1)));
    expect((await only()).fault).toContain('unknown shape');
    await expect(apply('e7a5d9e2-7f8e-4c35-9a53-07a2b8ed5f02')).rejects.toMatchObject({
      code: 'PROPOSAL_UNKNOWN',
    });
  });

  test('that would pay the supplier more than the buyer owes is refused by the rules of all terms', async () => {
    const road = await at.offerOf('everflow', '33');
    at.platforms.at.offers.everflow.set('33', everflowOffer({}, { revenue_amount: 20, payout_amount: 30 }));
    await at.house.run(at.night());
    await expect(apply((await only()).id)).rejects.toMatchObject({ code: 'PARTIES_REFUSED' });
    expect(await termsOf(road.id)).toHaveLength(1);
  });
});
