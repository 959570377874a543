import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
let number: string;
beforeAll(async () => {
  house = await openHouse();
  ({ number } = await house.road());
});
afterAll(() => house.end());

const ORDERS = [
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
];

test.each(ORDERS)(
  'three reports of a call in the order %i, %i, %i leave the newest facts',
  async (...order) => {
    const callId = `facts-${order.join('')}`;
    const startedAtMs = house.clock.nowMs() - 600_000;
    for (const age of order) {
      await house.call({
        number,
        callId,
        startedAtMs,
        durationS: 60 * age,
        statedAtMs: startedAtMs + age * 1_000,
      });
    }
    const stored = await house.sql(
      `select c.duration_s, (select count(*) from work where job = 'fraud.score-call' and key = c.id::text) as scored
     from calls c where external_id = $1`,
      [callId],
    );
    expect(stored).toEqual([{ duration_s: 180, scored: 1 }]);
  },
);

test('a call that is rated is not rated again', async () => {
  const externalId = await house.call({ number });
  const [call] = await house.sql<{ id: string }>('select id from calls where external_id = $1', [externalId]);
  const decision = {
    callId: call?.id ?? '',
    factsVersion: 1,
    score: 100,
    reasons: [],
    decision: 'reject' as const,
  };
  const rate = () => house.services.calls.rate([decision], house.clock.nowMs());
  expect(await rate()).toEqual(['reject']);
  expect(await rate()).toEqual(['already']);
});
