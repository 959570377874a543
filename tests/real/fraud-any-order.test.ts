import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rescoreCalls } from '../../src/jobs/fraud/rescore-calls.job.ts';
import { wrongIn } from '../helpers/books.ts';
import { dateAfter, FIRST_DATE, type House, keepServer, OPENS_MS, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { useDefaultRules } from '../helpers/rules.ts';
import { runContext } from '../helpers/seeding.ts';

keepServer();
let houses: House[] = [];
beforeEach(() => {
  houses = [];
});
afterEach(async () => {
  for (const house of houses) await house.end();
});

async function open() {
  const house = await openHouse(OPENS_MS);
  houses.push(house);
  await useDefaultRules(house.sql);
  const road = await house.road({ minDurationS: 60 });
  // Billed by the week: until then nothing is on an invoice.
  await house.put({ buyers: [{ id: road.buyer.id, name: 'Weekly', billing: { cycle: 'weekly', day: 7 } }] });
  const { number: second } = await house.campaign(road.buyer, await house.supplier(), { minDurationS: 60 });
  return { house, numbers: [road.number, second] };
}

/** As suspicious as calls can be: few callers, neighbouring numbers, even durations, all within hours. */
const facts = {
  /** Who vouches for it; a report may leave it out. */
  attestation: fc.constantFrom('A' as const, 'B' as const, 'C' as const, undefined),
  caller: fc.constantFrom(...['1001', '1002', '1003', '1042', '1043', '1077', '1555', '1999']),
  durationS: fc.constantFrom(5, 61, 62, 63, 120, 120, 120, 300),
  turn: fc.nat(10_000),
};
const call = fc.record({
  ...facts,
  minute: fc.nat(600),
  supplier: fc.nat(1),
  startsS: fc.constant(0),
  /** Later reports of it: who called, when and how long is as the last one says, and who vouches for it as the last that says so. */
  corrections: fc.array(fc.record({ ...facts, startsS: fc.constantFrom(0, 0, 20) }), { maxLength: 2 }),
});
const day = fc.uniqueArray(call, {
  minLength: 25,
  maxLength: 45,
  size: 'max',
  selector: ({ minute }) => minute,
});
interface Call {
  readonly minute: number;
  readonly supplier: number;
  readonly caller: string;
  readonly durationS: number;
  readonly turn: number;
  readonly attestation?: 'A' | 'B' | 'C' | undefined;
  /** After its minute. */
  readonly startsS?: number;
  /** Among the reports of the call. */
  readonly nth?: number;
}

const report = ({ house, numbers }: Awaited<ReturnType<typeof open>>, one: Call) =>
  house.call({
    number: numbers[one.supplier] ?? '',
    callId: `minute-${one.minute}`,
    caller: `+1212736${one.caller}`,
    startedAtMs: Date.parse(FIRST_DATE) + one.minute * 60_000 + (one.startsS ?? 0) * 1_000,
    durationS: one.durationS,
    statedAtMs: OPENS_MS + (one.nth ?? 0) * 1_000,
    attestation: one.attestation,
  });

/** A call and its corrections, in the order in which they were stated. */
const reportsOf = ({ corrections, ...one }: typeof call extends fc.Arbitrary<infer C> ? C : never): Call[] =>
  [{}, ...corrections].map((correction, nth) => ({ ...one, ...correction, nth }));

const scores = ({ house }: Awaited<ReturnType<typeof open>>) =>
  house.sql(
    `select c.external_id as id, c.status, s.score, s.verdict, s.rule_set, s.signals, e.price_minor as price
     from calls c join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version
       left join earnings e on e.call_id = c.id and e.state <> 'clawed_back' order by c.started_at`,
  );

test('calls of a day have the same scores, verdicts and earnings in whatever order they are reported', async () => {
  const statuses = new Set<unknown>();
  let rescored = 0;
  await fc.assert(
    fc.asyncProperty(day, async (calls) => {
      const [inOrder, asTheyCome] = [await open(), await open()];
      for (const one of calls.toSorted((a, b) => a.minute - b.minute).flatMap(reportsOf)) {
        await report(inOrder, one);
        await inOrder.house.work();
      }
      for (const one of calls.flatMap(reportsOf).toSorted((a, b) => a.turn - b.turn)) {
        await report(asTheyCome, one);
        await asTheyCome.house.work();
      }
      await inOrder.house.close(FIRST_DATE);
      await asTheyCome.house.close(FIRST_DATE);
      const expected = await scores(inOrder);
      expect(await scores(asTheyCome)).toEqual(expected);
      const { failures } = await asTheyCome.house.services.audit.run({
        nowMs: asTheyCome.house.clock.nowMs(),
      });
      expect(failures).toEqual([]);
      for (const { status } of expected) statuses.add(status);
      const [again] = await asTheyCome.house.sql<{ n: number }>(
        'select count(*)::int as n from call_scores where facts_version > 1',
      );
      rescored += again?.n ?? 0;
      for (const { house } of [inOrder, asTheyCome]) await house.end();
      houses = [];
    }),
    { numRuns: 3, endOnFailure: true },
  );
  // Otherwise this would have shown nothing.
  expect([...statuses].sort()).toEqual(['held', 'qualified', 'rejected']);
  expect(rescored).toBeGreaterThan(10);
});

test('scoring a day once more changes nothing', async () => {
  const at = await open();
  for (let minute = 0; minute < 40; minute += 1)
    await report(at, {
      minute,
      supplier: minute % 2,
      caller: String(1_000 + (minute % 7)),
      durationS: 62,
      turn: 0,
    });
  await at.house.work();
  await at.house.close(FIRST_DATE);
  const before = await scores(at);
  await at.house.sql('delete from rescore_progress');
  const outcome = await rescoreCalls.run(
    { date: FIRST_DATE, dueAtMs: 0 },
    { ...at.house.services, ...runContext() },
  );
  expect(outcome).toMatchObject({ kind: 'done', summary: { looked: 40, changed: 0 } });
  await at.house.work();
  expect(await scores(at)).toEqual(before);
});

test('a call that is reported after its date was closed has the calls in its windows scored anew by the next close', async () => {
  const at = await open();
  const before: Call[] = Array.from({ length: 9 }, (_, nth) => ({
    ...{ minute: 100 + nth * 3, supplier: 0, caller: '1001', durationS: 300, turn: 0 },
  }));
  const after: Call = { minute: 130, supplier: 0, caller: '1001', durationS: 120, turn: 0 };
  await report(at, after);
  await at.house.close(FIRST_DATE);
  expect(await scores(at)).toMatchObject([{ id: 'minute-130', status: 'qualified', price: 4_000 }]);
  for (const one of before) await report(at, one);
  await at.house.close(dateAfter(1));
  const all = await scores(at);
  expect(all.at(-1)).toMatchObject({ id: 'minute-130', status: 'held', price: null });
  expect(await at.house.sql('select * from rescore_marks')).toEqual([]);
  const [adjustment] = await at.house.sql('select cause, state from adjustments');
  expect(adjustment).toEqual({ cause: 'context', state: 'posted' });
  expect(await wrongIn(at.house.sql)).toEqual([]);
});

test('calls that come while the scores of their date are looked at have those in whose windows they lie looked at again', async () => {
  const at = await open();
  await report(at, { minute: 130, supplier: 0, caller: '1001', durationS: 120, turn: 0 });
  await at.house.begin(FIRST_DATE);
  await at.house.work({}, ['fraud.rescore-calls']);
  await rescoreCalls.run({ date: FIRST_DATE, dueAtMs: 0 }, { ...at.house.services, ...runContext() });
  for (let minute = 100; minute < 127; minute += 3)
    await report(at, { minute, supplier: 0, caller: '1001', durationS: 300, turn: 0 });
  await at.house.close(FIRST_DATE);
  expect((await scores(at)).at(-1)).toMatchObject({ id: 'minute-130', status: 'held', price: null });
  expect(await at.house.sql('select * from rescore_marks')).toEqual([]);
});

test('whatever step the scoring once more dies at, the scores and the books are those of one that did not', async () => {
  const at = await open();
  const calls: Call[] = Array.from({ length: 12 }, (_, nth) => ({
    ...{ minute: 100 + nth, supplier: 0, caller: '1001', durationS: 300, turn: 0 },
  }));
  for (const one of calls.toReversed()) {
    await report(at, one);
    await at.house.work();
  }
  await at.house.begin(FIRST_DATE);
  const item = await at.house.row('fraud.rescore-calls', FIRST_DATE);
  expect(await dieAtEachStep(at.house, item)).toEqual([
    ...['fraud.callsToRescore', 'calls.scoringContext', 'fraud.ruleSets', 'fraud.rescore', 'work.finish'],
  ]);
  await at.house.close(FIRST_DATE);
  const found = await scores(at);
  expect(found.filter(({ status }) => status === 'qualified').length).toBeLessThan(calls.length);
  const other = await open();
  for (const one of calls) {
    await report(other, one);
    await other.house.work();
  }
  await other.house.close(FIRST_DATE);
  expect(found).toEqual(await scores(other));
  expect(await wrongIn(at.house.sql)).toEqual([]);
});

test('a call that is on an invoice keeps its score, whatever is reported later', async () => {
  const { house } = await open();
  const daily = await house.road({ minDurationS: 60 });
  const facts = { number: daily.number, caller: '+12127361001', durationS: 300 };
  await house.call({ ...facts, startedAtMs: Date.parse(FIRST_DATE) + 3_600_000 });
  await house.close(FIRST_DATE);
  for (let nth = 0; nth < 5; nth += 1)
    await house.call({ ...facts, startedAtMs: Date.parse(FIRST_DATE) + nth * 600_000 });
  await house.close(dateAfter(1));
  const [first] = await house.sql(
    "select c.status, c.facts_version as version from calls c where c.started_at = timestamptz '2026-11-02T01:00:00Z'",
  );
  expect(first).toEqual({ status: 'qualified', version: 1 });
  expect(await house.sql('select * from rescore_marks')).toEqual([]);
});
