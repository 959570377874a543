import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { dateAfter, keepServer } from '../helpers/house.ts';
import { type BankHouse, openBankHouse } from '../helpers/platform-payouts.ts';

keepServer();
let bank: BankHouse;
beforeEach(async () => {
  bank = await openBankHouse();
});
afterEach(() => bank.house.end());

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'taken',
    (error: unknown) => codeOf(error, 'INTERNAL'),
  );

describe('an import that says otherwise than one before is refused whole', () => {
  const first = { on: '2026-11-04', amount: '5.00', text: 'STRIPE', id: 'B-1' };
  test.each([
    ['an entry with another amount', [{ ...first, amount: '6.00' }], 'S-2', {}],
    ['an entry on another day', [{ ...first, on: '2026-11-05' }], 'S-2', {}],
    ['another statement of the same id', [first, { ...first, id: 'B-2' }], 'S-1', {}],
    ['another account of the same name', [{ ...first, id: 'B-2' }], 'S-2', { iban: 'DE00' }],
    ['an account in another currency', [{ ...first, id: 'B-2' }], 'S-2', { currency: 'EUR' }],
  ])('%s', async (_name, lines, id, account) => {
    await bank.importLines([first]);
    expect(await code(bank.importLines(lines, { id, account }))).toBe('BANK_STATEMENT_CONFLICT');
    expect(await bank.house.sql('select identity from bank_lines')).toEqual([{ identity: 'ref:B-1' }]);
  });
});

test('a line that names no payout is the one that a person says, above the limit two of them, if it is of its amount', async () => {
  const { house } = bank;
  await house.sql('update settings set approval_limit_minor = 499');
  const id = await bank.payOut(500);
  await bank.reconcile();
  await bank.importLines([
    { on: dateAfter(0), amount: '5.00', text: 'STRIPE', id: 'B-1' },
    { on: dateAfter(0), amount: '4.00', text: 'STRIPE', id: 'B-2' },
  ]);
  const lines = (await house.services.deposits.list()).lines;
  const lineOf = (amount: number) => lines.find(({ amountMinor }) => amountMinor === amount)?.id ?? 0;
  const match = (line: number, by: string) =>
    house.services.deposits.match(line, id, { by, reason: 'it says so', nowMs: house.clock.nowMs() });
  expect(await code(match(lineOf(400), 'ops'))).toBe('BANK_LINE_DIFFERS');
  expect(await code(match(0, 'ops'))).toBe('BANK_LINE_UNKNOWN');
  for (const _ of [1, 2]) expect(await match(lineOf(500), 'ops')).toEqual({ state: 'waiting_approval' });
  expect(await bank.balances()).toMatchObject({ bank_in_transit: 500 });
  for (const by of ['a second person', 'ops'])
    expect(await match(lineOf(500), by)).toEqual({ state: 'matched' });
  expect(await bank.balances()).toMatchObject({ bank: 500 });
  expect(await house.sql("select actor from audit_log where action = 'bank.match' order by id")).toEqual([
    { actor: 'ops' },
    { actor: 'a second person' },
  ]);
  expect(await bank.breaks()).toEqual([`bank:line:${lineOf(400)} unknown_deposit 400`]);
  // The supplier's own payout went below the limit of before.
  await house.sql('update settings set approval_limit_minor = 1000000');
  await bank.expectRight();
});

test('a marker that every line holds is refused', async () => {
  const facts = { by: 'ops', isDry: false, nowMs: bank.house.clock.nowMs() };
  const file = { currency: 'usd', numberHash: null, statements: [] };
  for (const marker of ['', ' ', 'st'])
    expect(await code(bank.house.services.deposits.importFile('main', file, { ...facts, marker }))).not.toBe(
      'taken',
    );
  expect(await bank.house.sql('select name from bank_accounts')).toEqual([]);
});
