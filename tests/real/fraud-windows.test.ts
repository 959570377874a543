import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LabelledCall } from '../../sandbox/traffic/labelled/labelled-call.ts';
import { makeLabelledTraffic } from '../../sandbox/traffic/labelled/traffic.ts';
import { defaultRules } from '../../src/jobs/fraud/default-rules.ts';
import { rulesFor } from '../../src/jobs/fraud/rule-set.ts';
import type { CallFacts } from '../../src/jobs/fraud/signal.ts';
import { measureCall } from '../../src/jobs/fraud/signals.ts';
import { weigh } from '../../src/jobs/fraud/weigh.ts';
import { scoreTraffic, storeTraffic } from '../bench/fraud-calls.ts';
import { countTraffic } from '../bench/fraud-windows.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

test('what is counted in memory for tuning is what the database reads', async () => {
  const traffic = makeLabelledTraffic({ seed: 5, calls: 1_500, fraudShare: 0.3, days: 6 });
  await storeTraffic(db, traffic);
  const rules = rulesFor(defaultRules, null);
  const counted = new Map<LabelledCall, CallFacts>();
  for (const { call, context } of countTraffic(traffic, (facts) => weigh(measureCall(facts), rules, [])))
    counted.set(call, context);
  let stopped = 0;
  for await (const batch of scoreTraffic(db, traffic))
    for (const { call, context } of batch) {
      expect(context).toMatchObject(counted.get(call) ?? { call: 'not counted' });
      stopped += context.profile?.stopped ?? 0;
    }
  // The profiles know what the rules made of the calls before.
  expect(counted.size).toBe(traffic.calls.length);
  expect(stopped).toBeGreaterThan(0);
}, 60_000);
