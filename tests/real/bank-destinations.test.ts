import { afterEach, beforeEach, expect, test } from 'vitest';
import { renderDeposits } from '../../src/cli/bank.ts';
import { resolveBreak } from '../../src/cli/recon.ts';
import { dateAfter, keepServer } from '../helpers/house.ts';
import { BALANCE, type BankHouse, openBankHouse, ownBanks } from '../helpers/platform-payouts.ts';

keepServer();
let bank: BankHouse;
beforeEach(async () => {
  bank = await openBankHouse();
});
afterEach(() => bank.house.end());

const open = () => bank.house.services.breaks.list(null, bank.house.clock.nowMs());
const resolve = (identity: string) =>
  resolveBreak(bank.house.services, identity, {
    ...{ by: 'ops', reason: 'our savings account', nowMs: bank.house.clock.nowMs() },
  });
const suspense = () =>
  bank.house.sql(
    "select balance_minor as minor from ledger_accounts where kind = 'suspense' and balance_minor <> 0",
  );
const differences = (date: string) =>
  bank.house.sql(
    'select currency from reconciliation_runs where difference_minor <> 0 and business_date = $1',
    [date],
  );

test('a payout to another bank is booked by nobody: it is a break that names the bank, and stops payouts, until somebody accounts for it', async () => {
  // Whoever waits for money was paid before.
  await bank.reconcile();
  const id = await bank.payOut(500, 'ba_of_somebody');
  await bank.reconcile();
  const [found] = await open();
  expect(await open()).toMatchObject([
    { kind: 'missing_in_ledger', amountMinor: -500, stopsPayouts: true, sourceId: id },
  ]);
  const [{ evidence } = {}] = await bank.house.sql('select evidence from reconciliation_breaks');
  expect(evidence).toMatchObject({ source: id, destination: 'ba_of_somebody' });
  expect(await bank.balances()).toEqual({ stripe_available: BALANCE });
  expect(await bank.shown(id)).toMatchObject({ destination: 'ba_of_somebody', isOwnBank: false });
  expect(renderDeposits(await bank.house.services.deposits.list())).toContain('NOT A BANK OF OURS');
  // Not by what comes later either: it arrives there, and is not missed at the bank of ours.
  await bank.importLines([{ on: dateAfter(0), amount: '1.00', text: 'before', id: 'B-0' }]);
  for (let nights = 0; nights < 7; nights += 1) await bank.reconcile();
  expect(await open()).toMatchObject([{ identity: found?.identity }]);

  expect(await resolve(found?.identity ?? '')).toMatchObject({ state: 'booked' });
  expect(await bank.balances()).toEqual({ stripe_available: BALANCE - 500 });
  await bank.reconcile();
  expect(await open()).toEqual([]);
  expect(await differences(dateAfter(10))).toEqual([]);
  await bank.expectRight();
});

test('a payout is booked by the close, which asks Stripe for its bank', async () => {
  await bank.payOut(500);
  await bank.house.close(dateAfter(1));
  expect(await open()).toEqual([]);
  expect(await bank.balances()).toEqual({ stripe_available: BALANCE - 500, bank_in_transit: 500 });
});

test('as long as nobody has said which banks are ours none is', async () => {
  await ownBanks(bank.house.sql, []);
  await bank.payOut(500);
  await bank.reconcile();
  expect(await open()).toMatchObject([{ kind: 'missing_in_ledger', stopsPayouts: true }]);
});

test('a payout to a bank that is said to be ours later is booked then, and what somebody had accounted for is taken back', async () => {
  await bank.payOut(500, 'ba_new');
  const known = await bank.payOut(100, 'ba_new');
  await bank.reconcile();
  const breaks = await open();
  expect(breaks).toHaveLength(2);
  await resolve(breaks.find(({ sourceId }) => sourceId === known)?.identity ?? '');
  expect(await suspense()).toEqual([{ minor: 100 }]);
  await ownBanks(bank.house.sql, ['ba_platform', 'ba_new']);
  await bank.reconcile();
  expect(await open()).toEqual([]);
  expect(await suspense()).toEqual([]);
  expect(await bank.balances()).toMatchObject({ stripe_available: BALANCE - 600, bank: 600 });
  await bank.expectRight();
});

test('a payout to another bank that comes back is explained by that, unless somebody had accounted for it: then its return is a break too', async () => {
  const fail = (payout: string) =>
    bank.house.simulator.faults.failPayout({ payout, failsWith: 'account_closed' });
  fail(await bank.payOut(500, 'ba_of_somebody'));
  await bank.reconcile();
  expect(await open()).toEqual([]);
  expect(await bank.house.sql('select distinct state, rule from reconciliation_breaks')).toEqual([
    { state: 'explained', rule: 'undone' },
  ]);

  const id = await bank.payOut(100, 'ba_of_somebody');
  await bank.reconcile();
  await resolve((await open())[0]?.identity ?? '');
  fail(id);
  await bank.reconcile();
  expect(await open()).toMatchObject([{ amountMinor: 100, sourceId: id }]);
  await resolve((await open())[0]?.identity ?? '');
  await bank.reconcile();
  expect(await open()).toEqual([]);
  expect(await suspense()).toEqual([]);
  expect(await differences(dateAfter(4))).toEqual([]);
  expect(await bank.balances()).toEqual({ stripe_available: BALANCE });
  await bank.expectRight();
});
