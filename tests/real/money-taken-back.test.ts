import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { balancesOf } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const COMPARE = 'reconciliation.reconcile-money';
const post = async (path: string, form: Record<string, string> = {}) => {
  const answer = await rawApi(house.simulator.url, SECRET_KEY)('POST', path, form);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.json();
};
const first = <T>([row]: readonly T[]): T => {
  if (row === undefined) throw new Error('there is none');
  return row;
};
const charge = () => first(house.simulator.journal.all('charge'));
const states = async () =>
  (await house.sql<{ state: string }>('select state from earnings order by started_at')).map(
    ({ state }) => state,
  );
const transfers = () => house.simulator.journal.all('transfer').map(({ amount }) => amount);
const invoiceAtStripe = () => first(house.simulator.journal.all('invoice'));

/** Everything agrees: the books with themselves, with Stripe, and Stripe with itself. */
async function expectRight(): Promise<void> {
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures).toEqual([]);
  expect(house.simulator.journal.check()).toEqual([]);
}

/** Two calls of one buyer, 40.00 each, billed on the first night. */
async function billTwoCalls(card?: string): Promise<{ customer: string | null }> {
  const road = await house.road(card === undefined ? {} : { card });
  for (const hour of [2, 1]) {
    await house.call({ number: road.number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
  }
  await house.close(dateAfter(0));
  return road.buyer;
}

describe('a refund at Stripe', () => {
  test('before the supplier is paid ends the newest call, and the rest is paid', async () => {
    await billTwoCalls();
    await house.close(dateAfter(1));
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    await post('/v1/refunds', { charge: charge().id, amount: '4000' });
    await house.close(dateAfter(2));
    expect(await states()).toEqual(['paid', 'written_off']);
    expect(transfers()).toEqual([2_800]);
    await expectRight();
  });

  test('after the supplier was paid is the loss of the exchange, and no later payout is touched', async () => {
    await billTwoCalls();
    await house.close(dateAfter(1));
    await house.close(dateAfter(2));
    expect(transfers()).toEqual([5_600]);
    // The refund takes what is left on the platform, and no more.
    await post('/v1/refunds', { charge: charge().id, amount: '2000' });
    await house.close(dateAfter(3));
    expect(await states()).toEqual(['paid', 'paid']);
    expect(await balancesOf(house.sql)).toMatchObject({ bad_debt: 4_000 });
    await expectRight();
  });
});

test('what cannot be booked keeps no other refund, reversal or comparison from its end, and is tried again', async () => {
  await billTwoCalls();
  await house.close(dateAfter(1));
  await house.close(dateAfter(2));
  house.advanceTo(Date.parse(`${dateAfter(4)}T08:00:00Z`));
  const { id: transfer } = first(house.simulator.journal.all('transfer'));
  for (const amount of ['500', '700', '300']) await post('/v1/refunds', { charge: charge().id, amount });
  await post(`/v1/transfers/${transfer}/reversals`, { amount: '100' });
  const refunds = house.simulator.journal
    .all('refund')
    .map(({ id }) => id)
    .toSorted();
  // The first that is read.
  const [refused = ''] = refunds;
  const { reconciliation } = house.services;
  const failing = {
    ...reconciliation,
    recordWithdrawal: (...[fact, date, nowMs]: Parameters<typeof reconciliation.recordWithdrawal>) =>
      fact.id === refused
        ? Promise.reject(new PermanentError('DATABASE_REFUSED', 'of this one'))
        : reconciliation.recordWithdrawal(fact, date, nowMs),
  };
  const ran = await house.close(dateAfter(3), { reconciliation: failing });
  expect(ran).toContainEqual({ job: COMPARE, key: dateAfter(3), end: 'dead', code: 'MONEY_NOT_BOOKED' });
  const booked = async () =>
    (await house.sql<{ id: string }>('select id from withdrawals')).map(({ id }) => id).toSorted();
  expect(await booked()).toEqual(refunds.slice(1));
  expect(await house.sql('select amount_minor from transfer_reversals')).toEqual([{ amount_minor: 100 }]);
  const compared = 'select business_date::text as date from reconciliation_runs where business_date = $1';
  expect(await house.sql(compared, [dateAfter(3)])).not.toEqual([]);
  const open = "select kind from reconciliation_breaks where state = 'open'";
  expect(await house.sql(open)).toEqual([{ kind: 'missing_in_ledger' }]);

  expect(await house.run(await house.row(COMPARE, dateAfter(3)))).toMatchObject({
    end: 'finish',
    code: null,
  });
  expect(await booked()).toEqual(refunds);
  expect(await house.sql(open)).toEqual([]);
  await expectRight();
});

test('a refund of the other mode stops the run: nothing else is booked, cleared or compared by it', async () => {
  await billTwoCalls();
  await house.close(dateAfter(1));
  house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
  for (const amount of ['500', '700']) await post('/v1/refunds', { charge: charge().id, amount });
  const read = () => Promise.reject(new PermanentError('STRIPE_MODE_MISMATCH', 'a live refund'));
  const ran = await house.close(dateAfter(2), {
    stripeWithdrawals: { ...house.services.stripeWithdrawals, read },
  });
  expect(ran).toContainEqual({ job: COMPARE, key: dateAfter(2), end: 'dead', code: 'STRIPE_MODE_MISMATCH' });
  expect(await house.sql('select id from withdrawals')).toEqual([]);
  expect(
    await house.sql('select * from reconciliation_runs where business_date = $1', [dateAfter(2)]),
  ).toEqual([]);
  expect(await states()).toEqual(['billed', 'billed']);
});

test('a comparison that is killed before and after each step books a refund and a dispute once', async () => {
  await billTwoCalls('pm_card_createDispute');
  const paid = await house.road();
  await house.call({ number: paid.number });
  await house.close(dateAfter(1));
  await house.close(dateAfter(2));
  house.advanceTo(Date.parse(`${dateAfter(4)}T08:00:00Z`));
  const charges = house.simulator.journal.all('charge');
  await post('/v1/refunds', { charge: charges.at(-1)?.id ?? '', amount: '2000' });
  await house.begin(dateAfter(3));
  await house.work({}, ['reconciliation.reconcile-money']);
  const row = await house.row('reconciliation.reconcile-money', dateAfter(3));
  const steps = await dieAtEachStep(house, row);
  expect(steps).toEqual(
    expect.arrayContaining(['stripeWithdrawals.read', 'reconciliation.recordWithdrawal']),
  );
  await house.work();
  expect(await states()).toEqual(['billed', 'billed', 'written_off']);
  const booked = await house.sql(
    "select template, count(*)::int as n from journals where template in ('refund', 'dispute', 'write_off') group by 1 order by 1",
  );
  expect(booked).toEqual([
    { template: 'dispute', n: 1 },
    { template: 'refund', n: 1 },
    { template: 'write_off', n: 1 },
  ]);
  await expectRight();
});

describe('a dispute at Stripe', () => {
  beforeEach(async () => {
    await billTwoCalls('pm_card_createDispute');
    await house.close(dateAfter(1));
    await house.close(dateAfter(2));
  });
  const dispute = () => first(house.simulator.journal.all('dispute'));

  test('holds the calls back while it is not decided', async () => {
    expect(await states()).toEqual(['billed', 'billed']);
    expect(transfers()).toEqual([]);
    await expectRight();
  });

  test('that is won pays the supplier', async () => {
    await post(`/v1/disputes/${dispute().id}`, { 'evidence[uncategorized_text]': 'winning_evidence' });
    await house.close(dateAfter(3));
    expect(await states()).toEqual(['paid', 'paid']);
    expect(transfers()).toEqual([5_600]);
    await expectRight();
  });

  test('that is lost ends the calls', async () => {
    await post(`/v1/disputes/${dispute().id}`, { 'evidence[uncategorized_text]': 'losing_evidence' });
    await house.close(dateAfter(3));
    expect(await states()).toEqual(['written_off', 'written_off']);
    expect(transfers()).toEqual([]);
    await expectRight();
  });
});

describe('an invoice that the card did not pay', () => {
  test('is paid in part from elsewhere: the older call is paid for, the newer one waits', async () => {
    const { customer } = await billTwoCalls('pm_card_chargeCustomerFail');
    const method = first(house.simulator.journal.all('payment_method'));
    expect(method.customer).toBe(customer);
    await house.mendCard(customer ?? '');
    const good = first(house.simulator.journal.all('payment_method').slice(-1));
    const intent = await post('/v1/payment_intents', {
      ...{ amount: '5000', currency: 'usd', customer: customer ?? '' },
      ...{ payment_method: good.id, confirm: 'true' },
    });
    await post(`/v1/invoices/${invoiceAtStripe().id}/attach_payment`, { payment_intent: String(intent.id) });
    // The rest is declined again.
    await post(`/v1/customers/${customer}`, { 'invoice_settings[default_payment_method]': method.id });
    await house.close(dateAfter(1));
    await house.close(dateAfter(2));
    await house.close(dateAfter(3));
    expect(await states()).toEqual(['paid', 'billed']);
    expect(transfers()).toEqual([2_800]);
    await expectRight();
  });

  test.each(['mark_uncollectible', 'void'])(
    'and is ended by %s is written off by the next close',
    async (end) => {
      await billTwoCalls('pm_card_chargeCustomerFail');
      await post(`/v1/invoices/${invoiceAtStripe().id}/${end}`);
      await house.close(dateAfter(1));
      expect(await states()).toEqual(['written_off', 'written_off']);
      expect(await balancesOf(house.sql)).toEqual({});
      await expectRight();
    },
  );

  test('is given up and paid after all: the hint of Stripe has it read, and the supplier is paid', async () => {
    const { customer } = await billTwoCalls('pm_card_chargeCustomerFail');
    const { id } = invoiceAtStripe();
    await post(`/v1/invoices/${id}/mark_uncollectible`);
    await house.close(dateAfter(1));
    await house.mendCard(customer ?? '');
    await post(`/v1/invoices/${id}/pay`);
    const ours = first(await house.sql<{ id: string }>('select id from invoices'));
    expect(await house.services.billing.poke(ours.id, 'hint', house.clock.nowMs())).toBe(true);
    await house.work();
    await house.close(dateAfter(2));
    await house.close(dateAfter(3));
    expect(await states()).toEqual(['paid', 'paid']);
    expect(transfers()).toEqual([5_600]);
    await expectRight();
  });
});
