import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderDeposits } from '../../src/cli/bank.ts';
import { dateAfter, keepServer } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { BALANCE, type BankHouse, openBankHouse } from '../helpers/platform-payouts.ts';

keepServer();
let bank: BankHouse;
beforeEach(async () => {
  bank = await openBankHouse();
});
afterEach(() => bank.house.end());

describe('a payout of the platform', () => {
  test('leaves Stripe in the books, stops no payout to a supplier, and is at the bank by Stripe’s word where no statement is', async () => {
    const id = await bank.payOut(500);
    await bank.reconcile();
    expect(await bank.balances()).toEqual({ stripe_available: BALANCE - 500, bank_in_transit: 500 });
    expect(await bank.shown(id)).toMatchObject({
      status: 'in_transit',
      depositedBy: null,
      provedBy: 'running_balance',
    });
    await bank.expectRight();
    await bank.reconcile();
    expect(await bank.balances()).toEqual({ stripe_available: BALANCE - 500, bank: 500 });
    expect(await bank.shown(id)).toMatchObject({
      status: 'paid',
      depositedBy: 'stripe',
      traceId: expect.any(String),
    });
    expect(await bank.breaks()).toEqual([]);
    expect(await bank.house.sql('select gates from reconciliation_breaks')).toEqual([]);
    await bank.expectRight();
  });

  test('is matched by its trace id with the line of a statement, which is booked once however often it is imported', async () => {
    const id = await bank.payOut(500);
    await bank.reconcile();
    await bank.importLines([{ on: dateAfter(0), amount: '1.00', text: 'before' }], { id: 'S-0' });
    await bank.reconcile();
    expect(await bank.shown(id)).toMatchObject({ status: 'paid', depositedBy: null });
    const lines = [
      { on: dateAfter(3), amount: '5.00', text: `STRIPE TRANSFER ${await bank.traceOf(id)} OK`, id: 'B-1' },
      { on: dateAfter(3), amount: '-9.00', text: 'rent', id: 'B-2' },
    ];
    expect(await bank.importLines(lines, { isDry: true })).toMatchObject({ added: 2, matched: 1 });
    expect(await bank.house.sql('select id from bank_lines')).toHaveLength(1);
    expect(await bank.importLines(lines)).toMatchObject({ added: 2, lines: 2, matched: 1, openBreaks: 0 });
    expect(await bank.importLines(lines)).toMatchObject({ added: 0, lines: 2, matched: 0 });
    // Another statement that holds some of the same entries, and more.
    const more = { on: dateAfter(4), amount: '2.00', text: 'interest', id: 'B-3' };
    expect(await bank.importLines([...lines, more], { id: 'S-2' })).toMatchObject({ added: 1, lines: 3 });
    expect(await bank.balances()).toEqual({ stripe_available: BALANCE - 500, bank: 500 });
    expect(await bank.shown(id)).toMatchObject({
      depositedBy: 'bank',
      bookedOn: dateAfter(3),
      account: 'main',
    });
    const text = renderDeposits(await bank.house.services.deposits.list());
    expect(text).toContain(`${dateAfter(3)} main (line `);
    await bank.expectRight();
  });

  test('of the same amount and day as a line is only suggested, never matched', async () => {
    const id = await bank.payOut(500);
    await bank.reconcile();
    await bank.reconcile();
    const lines = [{ on: dateAfter(2), amount: '5.00', text: 'STRIPE without a name', id: 'B-1' }];
    await bank.importLines(lines);
    const [line] = (await bank.house.services.deposits.list()).lines;
    expect(line).toMatchObject({ amountMinor: 500, account: 'main' });
    expect(await bank.breaks()).toEqual([`bank:line:${line?.id} unknown_deposit 500`]);
    const [found] = await bank.house.sql('select evidence, gates from reconciliation_breaks');
    expect(found).toMatchObject({ gates: false, evidence: { suggested: [id], named: null } });
    await bank.expectRight();
  });

  test('that two lines name, or that a line names with another amount, is told and not booked', async () => {
    const id = await bank.payOut(500);
    await bank.reconcile();
    await bank.importLines([{ on: dateAfter(0), amount: '1.00', text: 'before', id: 'B-0' }], { id: 'S-0' });
    await bank.importLines([{ on: dateAfter(3), amount: '4.99', text: `STRIPE ${id}`, id: 'B-1' }]);
    expect(await bank.breaks()).toEqual([expect.stringMatching(/^bank:line:\d+ deposit_amount -1$/)]);
    expect(await bank.balances()).toMatchObject({ bank_in_transit: 500 });
    await bank.importLines([{ on: dateAfter(3), amount: '5.00', text: `STRIPE ${id}`, id: 'B-2' }], {
      id: 'S-2',
    });
    await bank.importLines([{ on: dateAfter(3), amount: '5.00', text: `STRIPE ${id} again`, id: 'B-3' }], {
      id: 'S-3',
    });
    expect(await bank.breaks()).toEqual([
      expect.stringMatching(/^bank:line:\d+ deposit_amount -1$/),
      expect.stringMatching(/^bank:line:\d+ unknown_deposit 500$/),
    ]);
    expect(await bank.balances()).toMatchObject({ bank: 500 });
    await bank.expectRight();
  });

  test('without its deposit is missing some days after its arrival, and no longer when it comes', async () => {
    await bank.importLines([{ on: dateAfter(0), amount: '1.00', text: 'before', id: 'B-0' }], { id: 'S-0' });
    await bank.house.sql('update settings set deposit_days = 1');
    const id = await bank.payOut(500);
    for (let nights = 0; nights < 4; nights += 1) {
      await bank.reconcile();
      if (nights < 3) expect(await bank.breaks()).toEqual([]);
    }
    expect(await bank.breaks()).toEqual([`bank:missing:${id} missing_at_bank 500`]);
    await bank.importLines([{ on: dateAfter(5), amount: '5.00', text: `Stripe ${await bank.traceOf(id)}` }]);
    expect(await bank.breaks()).toEqual([]);
    await bank.expectRight();
  });

  test('that fails after it was at the bank is open again until the bank and Stripe agree where its money is', async () => {
    await bank.importLines([{ on: dateAfter(0), amount: '1.00', text: 'before', id: 'B-0' }], { id: 'S-0' });
    const id = await bank.payOut(500);
    await bank.reconcile();
    await bank.reconcile();
    const trace = await bank.traceOf(id);
    await bank.importLines([{ on: dateAfter(3), amount: '5.00', text: `STRIPE ${trace}`, id: 'B-1' }]);
    expect(await bank.balances()).toMatchObject({ bank: 500 });
    bank.house.simulator.faults.failPayout({ payout: id, failsWith: 'account_closed' });
    await bank.reconcile();
    expect(await bank.balances()).toEqual({ stripe_available: BALANCE });
    expect(await bank.breaks()).toEqual([`bank:failed:${id} payout_failed 500`]);
    expect(await bank.shown(id)).toMatchObject({
      status: 'failed',
      failureCode: 'account_closed',
      returnedMs: expect.any(Number),
    });
    await bank.expectRight();
    await bank.importLines([{ on: dateAfter(4), amount: '-5.00', text: `RETURN ${trace}`, id: 'B-2' }], {
      id: 'S-2',
    });
    expect(await bank.breaks()).toEqual([]);
    expect(await bank.balances()).toEqual({ stripe_available: BALANCE });
    await bank.reconcile();
    await bank.expectRight();
  });
});

test('a payout of the platform is traced by its id to what moved, its journals and the line of its bank', async () => {
  const id = await bank.payOut(500);
  await bank.reconcile();
  await bank.importLines([{ on: dateAfter(3), amount: '5.00', text: `STRIPE ${id}`, id: 'B-1' }]);
  // Its movement is matched by the next close.
  await bank.reconcile();
  const { kind, links } = await bank.house.services.traces.trace(id);
  expect(kind).toBe('platform_payout');
  expect(links).toMatchObject([
    { link: 'journal', amountMinor: 500, facts: { template: 'platform_payout' } },
    { link: 'journal', amountMinor: 500, facts: { template: 'bank_deposit' } },
    { link: 'balance_transaction', state: 'matched', amountMinor: -500 },
    { link: 'platform_payout', id, state: 'paid', amountMinor: 500 },
    { link: 'bank_line', state: 'came', amountMinor: 500, facts: { account: 'main' } },
  ]);
  const moved = links[2]?.id ?? '';
  expect(await bank.house.services.traces.trace(moved)).toMatchObject({
    kind: 'balance_transaction',
    links: [{ link: 'journal' }, { link: 'balance_transaction', id: moved, state: 'matched' }],
  });
});

test('a break of a line, or of a reading of the balance, does not end because it is old, also when it is ignored', async () => {
  await bank.reconcile();
  await bank.importLines([{ on: dateAfter(0), amount: '5.00', text: 'STRIPE', id: 'B-1' }]);
  await bank.house.sql("update stripe_balances set balance_minor = balance_minor + 1 where currency = 'usd'");
  const compareAfter = (days: number) =>
    bank.house.services.deposits.compare(bank.house.clock.nowMs() + days * 86_400_000);
  await compareAfter(0);
  const found = await bank.breaks();
  expect(found).toEqual([
    expect.stringMatching(/^bank:balance:usd:txn_\w+ running_balance 1$/),
    expect.stringMatching(/^bank:line:\d+ unknown_deposit 500$/),
  ]);
  await compareAfter(200);
  expect(await bank.breaks()).toEqual(found);
  await bank.house.sql("update reconciliation_breaks set state = 'ignored'");
  await compareAfter(400);
  expect(await bank.house.sql('select distinct state from reconciliation_breaks')).toEqual([
    { state: 'ignored' },
  ]);
});

describe('what a payout is made of', () => {
  test('is read of an automatic one when Stripe has it ready, and adds up', async () => {
    await bank.reconcile();
    bank.house.simulator.faults.schedulePayouts({ interval: 'daily' });
    await bank.reconcile();
    const [id = ''] = (await bank.house.services.deposits.list()).payouts.map((payout) => payout.id);
    expect(await bank.shown(id)).toMatchObject({ automatic: true, amountMinor: BALANCE, provedBy: null });
    await bank.reconcile();
    await bank.reconcile();
    expect(await bank.shown(id)).toMatchObject({ provedBy: 'items', depositedBy: 'stripe' });
    const items = await bank.house.sql('select net_minor from platform_payout_items order by net_minor');
    expect(items.map(({ net_minor }) => net_minor)).toEqual([-2_800, 4_000 - 146]);
    await bank.expectRight();
    await bank.house.sql('update platform_payouts set itemised_at = null');
    const { stripePayouts } = bank.house.services;
    const date = await bank.nextNight();
    // Stripe leaves one out.
    const readItems: typeof stripePayouts.readItems = (payout, onPage, options) =>
      stripePayouts.readItems(payout, (some) => onPage(some.slice(1)), options);
    await bank.house.sql('delete from platform_payout_items');
    await bank.house.run(await bank.row(date), { stripePayouts: { ...stripePayouts, readItems } });
    expect(await bank.breaks()).toEqual([expect.stringMatching(`^bank:items:${id} payout_items `)]);
  });

  test('is proved of a manual one by the running balance, which is red when one movement is missing', async () => {
    await bank.reconcile();
    const id = await bank.payOut(500);
    await bank.payOut(100);
    await bank.reconcile();
    expect(await bank.shown(id)).toMatchObject({ provedBy: 'running_balance' });
    expect(await bank.breaks()).toEqual([]);
    // As if it had not been listed, and then it is.
    const missing = async (days: number) => {
      const sql =
        'update stripe_movements set created_at = created_at + make_interval(days => $1) where amount_minor = -100';
      await bank.house.sql(sql, [days]);
      await bank.house.services.deposits.compare(bank.house.clock.nowMs());
    };
    await missing(100);
    expect(await bank.breaks()).toEqual([
      expect.stringMatching(/^bank:balance:usd:txn_\w+ running_balance -100$/),
    ]);
    expect(await bank.shown(id)).toMatchObject({ provedBy: null });
    await missing(-100);
    expect(await bank.breaks()).toEqual([]);
    await bank.expectRight();
  });

  test('is not proved by a balance that moves while it is read', async () => {
    const { stripeBalance } = bank.house.services;
    const date = await bank.nextNight();
    const read: typeof stripeBalance.read = async (options) => {
      await bank.payOut(100);
      return stripeBalance.read(options);
    };
    await bank.house.run(await bank.row(date), { stripeBalance: { ...stripeBalance, read } });
    expect(await bank.house.sql('select currency from stripe_balances')).toEqual([]);
    expect(await bank.breaks()).toEqual([]);
  });
});

test('a night that dies before or after each of its steps comes to the same end', async () => {
  const date = await bank.nextNight();
  bank.house.simulator.faults.schedulePayouts({ interval: 'daily' });
  bank.house.advanceTo(Date.parse(`${dateAfter(3)}T00:00:01Z`));
  // It left on the third day and arrived on the fifth, and nobody has looked since.
  bank.house.advanceTo(Date.parse(`${dateAfter(5)}T10:45:00Z`));
  const steps = await dieAtEachStep(bank.house, await bank.row(date));
  expect(steps).toEqual(
    expect.arrayContaining([
      'deposits.record',
      'deposits.storeItems',
      'deposits.settleItems',
      'deposits.recordBalances',
      'deposits.compare',
    ]),
  );
  expect(await bank.balances()).toEqual({ bank: BALANCE });
  expect(
    await bank.house.sql("select key from journals where template in ('platform_payout', 'bank_deposit')"),
  ).toHaveLength(2);
  expect(await bank.breaks()).toEqual([]);
  await bank.expectRight();
});
