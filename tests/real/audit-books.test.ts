import { afterAll, beforeAll, expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { auditBooks } from '../../src/jobs/operations/audit-books.job.ts';
import { contextFor } from '../../src/queues/run-job.ts';
import { dateAfter, FIRST_DATE, type House, keepServer, openHouse, type Ran } from '../helpers/house.ts';
import { runContext } from '../helpers/seeding.ts';

const JOB = 'operations.audit-books';
const BALANCES = 'every balance is the sum of its postings';

keepServer();
let house: House;
let first: readonly Ran[];
beforeAll(async () => {
  house = await openHouse();
  const { number } = await house.road();
  await house.call({ number });
  first = await house.close(FIRST_DATE);
});
afterAll(() => house.end());

const rowOf = async (date: string) =>
  (
    await house.sql<{ id: string; state: string; code: string | null; message: string | null }>(
      'select id::text, state, code, message from work where job = $1 and key = $2',
      [JOB, date],
    )
  )[0];
const auditOf = (ran: readonly Ran[], date: string) =>
  ran.filter(({ job, key }) => job === JOB && key === date);
const spoil = (byMinor: number) =>
  house.sql(
    "update ledger_accounts set balance_minor = balance_minor + $1 where kind = 'exchange_margin' and currency = 'usd'",
    [byMinor],
  );

test('each close has its books audited, and right books are done', async () => {
  expect(auditOf(first, FIRST_DATE)).toMatchObject([{ end: 'finish' }]);
  expect(await rowOf(FIRST_DATE)).toMatchObject({ state: 'done' });
});

test('a broken book is a dead letter with the name of its check, and done when it is replayed after the repair', async () => {
  const date = dateAfter(1);
  await spoil(-1);
  const ran = await house.close(date);
  expect(auditOf(ran, date)).toMatchObject([{ end: 'dead', code: 'AUDIT_FAILED' }]);
  const dead = await rowOf(date);
  expect(dead).toMatchObject({ state: 'dead', code: 'AUDIT_FAILED' });
  expect(dead?.message).toContain(BALANCES);
  expect(await house.services.operations.closeStatus(date)).toMatchObject({ state: 'done' });

  await spoil(1);
  const nowMs = house.clock.nowMs();
  const again = await house.services.work.replay({ id: dead?.id ?? '', by: 'ops', reason: 'mended', nowMs });
  if (again === null) throw new Error('it was not dead');
  expect(await house.run(again)).toMatchObject({ end: 'finish', code: null });
});

test('the ids that break a promise are in the detail of the error, for the log', async () => {
  await spoil(-1);
  const [account] = await house.sql<{ id: string }>(
    "select id::text from ledger_accounts where kind = 'exchange_margin' and currency = 'usd'",
  );
  const run = auditBooks.run(
    { date: FIRST_DATE, dueAtMs: 0 },
    contextFor(auditBooks, house.services, runContext()),
  );
  await expect(run).rejects.toBeInstanceOf(PermanentError);
  await expect(run).rejects.toMatchObject({ detail: { offenders: { [BALANCES]: [account?.id] } } });
  await spoil(1);
});

test('calls that their own close waits for, however long, are booked rightly', async () => {
  const date = dateAfter(2);
  const { number } = await house.road();
  await house.call({ number, startedAtMs: Date.parse(`${date}T12:00:00Z`) });
  await house.begin(date);
  await house.work({}, ['fraud.score-call']);
  house.advance(10 * 60_000);
  const ran = await house.work();
  expect(auditOf(ran, date)).toMatchObject([{ end: 'finish' }]);
});

test('an audit that cannot be made stands in the way of no close', async () => {
  const date = dateAfter(3);
  await house.close(date, { audit: { run: () => Promise.reject(new Error('a fault of our own')) } });
  expect(await rowOf(date)).toMatchObject({ state: 'dead', code: 'JOB_FAILED' });
  expect(await house.services.operations.closeStatus(date)).toMatchObject({ state: 'done' });
  expect(await house.services.operations.closeStatus(date)).toMatchObject({ waitingFor: [] });
});
