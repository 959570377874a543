import { afterEach, beforeEach, expect, test } from 'vitest';
import { wrongIn } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
  } finally {
    await house.end();
  }
});

const DAY_MS = 86_400_000;
type Subject = 'supplier' | 'caller' | 'campaign';
const snooze = (
  signal: string,
  subjectKind: Subject,
  subject: string,
  untilMs = house.clock.nowMs() + DAY_MS,
) =>
  house.services.review.snooze(
    { signal, subjectKind, subject, untilMs },
    'ops',
    'they asked',
    house.clock.nowMs(),
  );
/** A call that starts now; how it stands. */
async function call(number: string, caller: string | null): Promise<string | undefined> {
  await house.call({ number, caller, startedAtMs: house.clock.nowMs() });
  await house.work();
  return (await statuses()).at(-1);
}
const statuses = async () =>
  (await house.sql<{ status: string }>('select status from calls order by started_at')).map(
    ({ status }) => status,
  );
const IMPOSSIBLE = '+12121551234';

test('a signal is left out for the calls of a supplier, a campaign or a caller, and for no others', async () => {
  const [road, other] = [await house.road(), await house.road()];
  await snooze('anonymous-caller', 'supplier', road.supplier.id.toUpperCase());
  expect(await call(road.number, null)).toBe('qualified');
  expect(await call(other.number, null)).toBe('held');
  await snooze('anonymous-caller', 'campaign', other.id);
  expect(await call(other.number, null)).toBe('qualified');
  await snooze('invalid-number', 'caller', IMPOSSIBLE);
  expect(await call(road.number, IMPOSSIBLE)).toBe('qualified');
  expect(await call(road.number, '+12121551235')).toBe('rejected');
  const [score] = await house.sql<{ reasons: unknown }>(
    'select reasons from call_scores s join calls c on c.id = s.call_id where c.caller_number = $1',
    [IMPOSSIBLE],
  );
  expect(score?.reasons).toMatchObject([{ signal: 'invalid-number', points: 0 }]);
});

test('a snooze begins now: calls that started before keep their scores, also when their day is scored once more', async () => {
  const { number, supplier } = await house.road();
  expect(await call(number, null)).toBe('held');
  house.advance(60_000);
  await snooze('anonymous-caller', 'supplier', supplier.id);
  await house.close(dateAfter(0));
  expect(await statuses()).toEqual(['held']);
  expect(await house.sql('select count(*)::int as scores from call_scores')).toEqual([{ scores: 1 }]);
});

test('it ends at its time, or earlier by a person; calls that started meanwhile keep it', async () => {
  const { number, supplier } = await house.road();
  const id = await snooze('anonymous-caller', 'supplier', supplier.id);
  expect(await house.services.review.snoozes(house.clock.nowMs())).toMatchObject([
    { id, signal: 'anonymous-caller', subject: supplier.id, madeBy: 'ops' },
  ]);
  const startedAtMs = house.clock.nowMs();
  house.advance(60_000);
  const end = () => house.services.review.endSnooze(id, 'ops', 'they stopped', house.clock.nowMs());
  expect([await end(), await end()]).toEqual([true, false]);
  expect(await house.services.review.snoozes(house.clock.nowMs())).toEqual([]);
  expect(await call(number, null)).toBe('held');
  await house.call({ number, caller: null, startedAtMs });
  await house.work();
  expect(await statuses()).toEqual(['qualified', 'held']);
  await snooze('anonymous-caller', 'supplier', supplier.id);
  house.advance(DAY_MS);
  expect(await call(number, null)).toBe('held');
  expect(
    await house.sql(
      "select actor, action, detail ->> 'reason' as why from audit_log where subject like 'snooze:%' order by id",
    ),
  ).toEqual([
    { actor: 'ops', action: 'fraud.snooze', why: 'they asked' },
    { actor: 'ops', action: 'fraud.end_snooze', why: 'they stopped' },
    { actor: 'ops', action: 'fraud.snooze', why: 'they asked' },
  ]);
});

test('one that is for nobody, or over already, is refused', async () => {
  const nobody = '00000000-0000-4000-8000-000000000000';
  await expect(snooze('ramp', 'supplier', nobody)).rejects.toMatchObject({ code: 'SUPPLIER_UNKNOWN' });
  await expect(snooze('ramp', 'campaign', nobody)).rejects.toMatchObject({ code: 'CAMPAIGN_UNKNOWN' });
  const past = house.clock.nowMs() - 1;
  await expect(snooze('ramp', 'caller', IMPOSSIBLE, past)).rejects.toMatchObject({ code: 'SNOOZE_INVALID' });
  const unknown = house.services.review.endSnooze(17, 'ops', 'why', house.clock.nowMs());
  await expect(unknown).rejects.toMatchObject({ code: 'SNOOZE_UNKNOWN' });
});
