import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
let supplierId: string;

/** A call of 40.00, whose supplier was paid its 28.00 on the third night. */
beforeEach(async () => {
  house = await openHouse();
  const road = await house.road();
  supplierId = road.supplier.id;
  await house.call({ number: road.number, startedAtMs: house.clock.nowMs() - 3_600_000 });
  for (const night of [0, 1, 2]) await house.close(dateAfter(night));
});
afterEach(() => house.end());

const transfers = () => house.simulator.journal.all('transfer');
/** As a person does on Stripe's dashboard; of all that is left when no amount is given. */
async function reverse(amount?: number, transferId = transfers()[0]?.id): Promise<void> {
  const form = amount === undefined ? {} : { amount: String(amount) };
  const answer = await rawApi(house.simulator.url, SECRET_KEY)(
    'POST',
    `/v1/transfers/${transferId}/reversals`,
    form,
  );
  if (answer.status !== 200) throw new Error(answer.text);
}
const release = () =>
  house.services.payouts.hold(supplierId, false, 'ops', 'its account is mended', house.clock.nowMs());
const supplier = async () =>
  (await house.sql('select status, held_reason from suppliers where id = $1', [supplierId]))[0];
const sentAmounts = () => transfers().map(({ amount }) => amount);

/** Everything agrees: the books with themselves, with Stripe, and Stripe with itself. */
async function expectRight(): Promise<void> {
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures).toEqual([]);
  expect(house.simulator.journal.check()).toEqual([]);
}

describe('a transfer that is reversed at Stripe', () => {
  test('holds its supplier for a person, also where it is held until its account is ready', async () => {
    const [{ account = '' } = {}] = await house.sql<{ account: string }>(
      'select stripe_account_id as account from suppliers where id = $1',
      [supplierId],
    );
    const tell = (state: 'ready' | 'not_ready') =>
      house.services.payouts.noteAccount(account, state, house.clock.nowMs());
    expect(await tell('not_ready')).toBe('held');
    await reverse();
    await house.close(dateAfter(3));
    expect(await tell('ready')).toBe('unchanged');
    await house.close(dateAfter(4));
    expect(await supplier()).toEqual({
      status: 'held',
      held_reason: 'a transfer to it was reversed at Stripe',
    });
    expect(sentAmounts()).toEqual([2_800]);
    await expectRight();
  });

  test('is payable again, and its supplier is held until a person releases it; then it is paid again', async () => {
    await reverse();
    await expectRight();
    await house.close(dateAfter(3));
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_payable: -2_800 });
    expect(await supplier()).toEqual({
      status: 'held',
      held_reason: 'a transfer to it was reversed at Stripe',
    });
    expect(sentAmounts()).toEqual([2_800]);
    await expectRight();
    await release();
    await house.close(dateAfter(4));
    expect(sentAmounts()).toEqual([2_800, 2_800]);
    expect(await balancesOf(house.sql)).not.toHaveProperty('supplier_payable');
    await expectRight();
  });

  test('in two parts is owed again in two parts, each once', async () => {
    await reverse(1_000);
    await house.close(dateAfter(3));
    await release();
    await reverse(500);
    await house.close(dateAfter(4));
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_payable: -1_500 });
    await release();
    await house.close(dateAfter(5));
    await house.close(dateAfter(6));
    expect(sentAmounts()).toEqual([2_800, 1_500]);
    const payouts = await house.sql('select state from payouts order by business_date');
    expect(payouts).toEqual([{ state: 'sent' }, { state: 'sent' }]);
    await expectRight();
  });

  test('that paid one again is owed once more', async () => {
    await reverse();
    await house.close(dateAfter(3));
    await release();
    await house.close(dateAfter(4));
    await reverse(800, transfers().at(-1)?.id);
    await house.close(dateAfter(5));
    await release();
    await house.close(dateAfter(6));
    expect(sentAmounts()).toEqual([2_800, 2_800, 800]);
    await expectRight();
  });

  test('and whose new payout Stripe refuses stays owed', async () => {
    await reverse();
    await house.close(dateAfter(3));
    await release();
    house.simulator.faults.add({ kind: 'refuse', pathPrefix: '/v1/transfers', count: 1 });
    await house.close(dateAfter(4));
    expect(await balancesOf(house.sql)).toMatchObject({ supplier_payable: -2_800 });
    await expectRight();
    await house.close(dateAfter(5));
    expect(sentAmounts()).toEqual([2_800, 2_800]);
    await expectRight();
  });

  test('is booked once by a comparison that is killed before and after each step', async () => {
    await reverse(700);
    await house.begin(dateAfter(3));
    await house.work({}, ['reconciliation.reconcile-money']);
    const row = await house.row('reconciliation.reconcile-money', dateAfter(3));
    const steps = await dieAtEachStep(house, row);
    expect(steps).toEqual(
      expect.arrayContaining(['stripeTransfers.readReversal', 'reconciliation.recordReversal']),
    );
    await house.work();
    const booked = await house.sql("select amounts from journals where template = 'transfer_reversal'");
    expect(booked).toEqual([{ amounts: { amount: 700 } }]);
    await expectRight();
  });
});

test('a reversed transfer that no payout of ours made books nothing, and its break stops the payouts of its currency', async () => {
  const account = transfers()[0]?.destination ?? '';
  const form = { amount: '100', currency: 'usd', destination: account };
  const stray = await rawApi(house.simulator.url, SECRET_KEY)('POST', '/v1/transfers', form);
  await reverse(100, stray.json().id);
  house.advance(600_000);
  await house.close(dateAfter(3));
  const breaks = await house.sql("select kind from reconciliation_breaks where state = 'open'");
  expect(breaks).toEqual([{ kind: 'orphan_transfer' }, { kind: 'orphan_transfer' }]);
  expect(await house.sql('select id from transfer_reversals')).toEqual([]);
  const gate = await house.sql("select app.payout_gate($1, 'usd', app.at($2)) as gate", [
    dateAfter(3),
    house.clock.nowMs(),
  ]);
  expect(gate).toEqual([{ gate: 'break_open' }]);
});
