import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LabelledCall } from '../../sandbox/traffic/labelled/labelled-call.ts';
import { makeLabelledTraffic } from '../../sandbox/traffic/labelled/traffic.ts';
import { createCallsStore } from '../../src/integrations/supabase/calls.ts';
import { callIdOf, storeTraffic } from '../bench/fraud-calls.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

const DAY_MS = 86_400_000;
const WINDOW = 200;
const LAST = 30;
/** Seconds above the minimum at which a length is another one. */
const STEPS_S = [5, 15, 30, 60, 120, 240];

/** Busy enough that the window of some suppliers is full, and some have few calls. */
const traffic = makeLabelledTraffic({ seed: 3, calls: 4_000, fraudShare: 0.3, days: 9 });
const campaigns = new Map(traffic.campaigns.map((campaign) => [campaign.id, campaign]));

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await storeTraffic(db, traffic);
}, 120_000);
afterAll(() => db.close());

const campaignOf = ({ campaignId }: LabelledCall) => {
  const found = campaigns.get(campaignId);
  if (found === undefined) throw new Error(`no campaign ${campaignId}`);
  return found;
};
const aboveS = (call: LabelledCall) => call.durationS - campaignOf(call).minDurationS;
const pays = (call: LabelledCall) => call.answered && aboveS(call) >= 0;
const stepOf = (call: LabelledCall) => STEPS_S.filter((step) => aboveS(call) >= step).length;

/** The same by plain counting of what was made. */
function countedBefore(call: LabelledCall, at: number) {
  const window = traffic.calls
    .slice(0, at)
    .filter((one) => one.supplierId === call.supplierId && one.startedAtMs > call.startedAtMs - 7 * DAY_MS)
    .slice(-WINDOW)
    .reverse();
  const payable = window.filter(pays);
  const numbers = new Set(window.flatMap(({ callerNumber }) => callerNumber ?? []));
  const placed = payable.filter((one) => one.callerRegion !== null && campaignOf(one).states !== null);
  const ofCampaign = (id: string) => {
    const counted = (calls: readonly LabelledCall[]) => {
      const of = calls.filter(({ campaignId }) => campaignId === id);
      return { calls: of.length, payable: of.filter(pays).length };
    };
    const day = window.filter(({ startedAtMs }) => startedAtMs > call.startedAtMs - DAY_MS);
    return { window: counted(window), day: counted(day), last: counted(window.slice(0, LAST)) };
  };
  return {
    calls: window.length,
    numbers: numbers.size,
    thousands: new Set([...numbers].map((number) => number.slice(0, -3))).size,
    sameLength: payable.filter((one) => stepOf(one) === stepOf(call)).length,
    sameVouching: payable.filter(
      ({ attestation }) =>
        (attestation === null ? null : attestation === 'A') ===
        (call.attestation === null ? null : call.attestation === 'A'),
    ).length,
    regionKnown: placed.length,
    outside: placed.filter(
      (one) => !campaignOf(one).states?.some((state) => `US-${state}` === one.callerRegion),
    ).length,
    campaigns: [...new Set(window.map(({ campaignId }) => campaignId))].sort().map(ofCampaign),
  };
}

test('what is read of the calls that a supplier sent before is what plain counting gives, each by the minimum of its own campaign', async () => {
  const sample = [...traffic.calls.entries()].filter(([at, call]) => at % 37 === 0 && pays(call));
  const contexts = await createCallsStore(db.database.rpc).scoringContext(sample.map(([at]) => callIdOf(at)));
  const read = new Map(contexts.map((context) => [context.callId, context.supplier]));
  const seen = { full: 0, few: 0, campaigns: 0, outside: 0 };
  for (const [at, call] of sample) {
    const counted = countedBefore(call, at);
    const { campaigns: ofCampaigns = [], ...supplier } = read.get(callIdOf(at)) ?? {};
    expect({ ...supplier, campaigns: ofCampaigns.map(({ all: _, ...counts }) => counts) }).toMatchObject(
      counted,
    );
    seen.full += counted.calls === WINDOW ? 1 : 0;
    seen.few += counted.calls < LAST ? 1 : 0;
    seen.campaigns += counted.campaigns.length > 1 ? 1 : 0;
    seen.outside += counted.outside > 0 ? 1 : 0;
  }
  // Each of these was among them, or the counting says nothing.
  expect(Object.values(seen).every((times) => times > 0)).toBe(true);
});

test('of a supplier with very many calls in its week, the last 200 are read and no others', async () => {
  const [busy] = traffic.suppliers;
  const last = traffic.calls.at(-1);
  if (busy === undefined || last === undefined) throw new Error('nobody called');
  const made = await db.sql<{ id: string }>(
    `insert into calls (source, external_id, tracking_number, campaign_id, supplier_id, caller_number, started_at, duration_s, answered,
       facts_at, business_date, trace, made_at, changed_at)
     select 'busy', n::text, '+18330000000', $1, $2, '+1212' || (1000000 + n), at, 60, true, at, app.business_date(at), 't', at, at
     from generate_series(1, 20000) n cross join lateral (select app.at($3) + n * interval '20 seconds' as at) t
     returning id`,
    [last.campaignId, busy.id, last.startedAtMs],
  );
  await db.sql('analyze calls');
  const pagesOfOne = async () => {
    const [plan] = await db.sql<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, format json) select scoring_context(jsonb_build_array($1::uuid))`,
      [made.at(-1)?.id],
    );
    const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } =
      plan?.['QUERY PLAN'][0].Plan ?? {};
    return hit + read;
  };
  // The first reads catalogs too.
  await pagesOfOne();
  const pages = await pagesOfOne();
  expect(pages).toBeGreaterThan(0);
  expect(pages).toBeLessThan(400);
});
