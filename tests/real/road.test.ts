import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { balancesOf, postingsOf, wrongIn } from '../helpers/books.ts';
import {
  DAY_MS,
  dateAfter,
  FIRST_DATE,
  type House,
  keepServer,
  OPENS_MS,
  openHouse,
} from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
    expect(house.simulator.journal.check()).toEqual([]);
  } finally {
    await house.end();
  }
});

type Ran = Awaited<ReturnType<House['close']>>;
const postings = () => postingsOf(house.sql);
const transfers = () => house.simulator.journal.all('transfer');
const amounts = () => transfers().map(({ amount }) => amount);
const invoices = () =>
  house.sql<{ state: string; last_problem: string | null; amount: number; date: string }>(
    'select state, last_problem, amount_minor as amount, business_date::text as date from invoices order by planned_at, amount',
  );
const endsOf = (ran: Ran, job: string) =>
  ran.filter((one) => one.job === job).map(({ end, code }) => code ?? end);

/** A call of today that has been scored. */
async function qualified(number: string, callsToday = 1): Promise<void> {
  for (let n = 0; n < callsToday; n += 1) await house.call({ number });
  await house.work();
}

/** Closes `count` dates from the first one. */
async function closeDates(count: number): Promise<Ran> {
  const ran: Ran = [];
  for (let day = 0; day < count; day += 1) ran.push(...(await house.close(dateAfter(day))));
  return ran;
}

const preview = () => house.services.payouts.preview(dateAfter(3), house.clock.nowMs());

async function reasonsNotPlanned(date: string): Promise<string[]> {
  const plan = await house.services.payouts.plan(date, house.clock.nowMs());
  return plan.skipped.map(({ reason }) => reason);
}

describe('one call', () => {
  test('is scored, billed, cleared and paid out, and every journal says so to the cent', async () => {
    const { number, supplier } = await house.road();
    await qualified(number);
    expect(await postings()).toEqual([
      'call buyer_unbilled 4000',
      'call supplier_pending -2800',
      'call exchange_margin -1200',
    ]);
    await house.close(FIRST_DATE);
    // Stripe keeps 2.9 % + 30.
    const billed = [
      'invoice buyer_receivable 4000',
      'invoice buyer_unbilled -4000',
      'charge stripe_pending 3854',
      'charge stripe_fees 146',
      'charge buyer_receivable -4000',
    ];
    expect((await postings()).slice(3)).toEqual(billed);
    await house.close(dateAfter(1));
    expect((await postings()).slice(3)).toEqual(billed);
    // The charge of the first night is available at midnight two days after it.
    await house.close(dateAfter(2));
    expect((await postings()).slice(8)).toEqual([
      'available stripe_available 3854',
      'available stripe_pending -3854',
      'clear supplier_pending 2800',
      'clear supplier_payable -2800',
      'payout_reserve supplier_payable 2800',
      'payout_reserve payouts_in_transit -2800',
      'payout_send payouts_in_transit 2800',
      'payout_send stripe_available -2800',
    ]);
    expect(transfers()).toMatchObject([{ amount: 2_800, destination: supplier.account }]);
    expect(await balancesOf(house.sql)).toEqual({
      exchange_margin: -1_200,
      stripe_available: 1_054,
      stripe_fees: 146,
    });
  });

  test('is in the journals of its own date when its close scores it', async () => {
    const { number } = await house.road();
    await house.call({ number });
    await house.close(FIRST_DATE);
    const dates = await house.sql<{ template: string; date: string }>(
      'select template, business_date::text as date from journals order by id',
    );
    expect(dates).toEqual([
      { template: 'call', date: FIRST_DATE },
      { template: 'invoice', date: FIRST_DATE },
      { template: 'charge', date: FIRST_DATE },
    ]);
  });
});

describe('the nights of a business', () => {
  test('pay what cleared by each night and nothing that is still pending', async () => {
    const { number } = await house.road();
    for (let day = 0; day < 4; day += 1) {
      await house.call({ number });
      await house.close(dateAfter(day));
      expect(amounts()).toEqual(Array(Math.max(0, day - 1)).fill(2_800));
    }
    await house.close(dateAfter(4));
    await house.close(dateAfter(5));
    expect(amounts()).toEqual([2_800, 2_800, 2_800, 2_800]);
  });

  test('a second close of the same date changes nothing', async () => {
    const { number } = await house.road();
    await qualified(number);
    await closeDates(3);
    const before = await postings();
    for (let day = 0; day < 3; day += 1) {
      await house.services.operations.startClose(dateAfter(day), house.clock.nowMs());
      await house.work();
    }
    await house.services.payouts.plan(dateAfter(2), house.clock.nowMs());
    await house.work();
    expect(await postings()).toEqual(before);
    expect(amounts()).toEqual([2_800]);
    expect(house.simulator.journal.all('charge')).toHaveLength(1);
  });

  test('a call that is reported after its close is on the next invoice, in the journal of an open date', async () => {
    const { number } = await house.road();
    await qualified(number);
    await house.close(FIRST_DATE);
    await house.call({ number, startedAtMs: OPENS_MS });
    await house.close(dateAfter(1));
    expect(await invoices()).toMatchObject([
      { amount: 4_000, date: FIRST_DATE, state: 'paid' },
      { amount: 4_000, date: dateAfter(1), state: 'paid' },
    ]);
    const late = await house.sql("select business_date::text as date from journals where template = 'call'");
    expect(late).toEqual([{ date: FIRST_DATE }, { date: dateAfter(1) }]);
  });

  test('a total below the minimum charge rolls to the next period', async () => {
    const { number } = await house.road({ priceMinor: 30 });
    await qualified(number);
    await house.close(FIRST_DATE);
    expect(await invoices()).toEqual([]);
    await house.call({ number });
    await house.close(dateAfter(1));
    expect(await invoices()).toMatchObject([{ amount: 60, state: 'paid', date: dateAfter(1) }]);
  });

  test('one buyer whose card is declined stops nobody else', async () => {
    const poor = await house.road({ card: 'pm_card_chargeCustomerFail' });
    const rich = await house.road();
    await qualified(poor.number);
    await qualified(rich.number);
    await closeDates(3);
    expect((await invoices()).map(({ state }) => state).sort()).toEqual(['open', 'paid']);
    expect(transfers()).toMatchObject([{ destination: rich.supplier.account }]);
  });

  test('one buyer at whom Stripe fails for good stops nobody else, and is in the report', async () => {
    const broken = await house.road();
    const sound = await house.road();
    await qualified(broken.number);
    await qualified(sound.number);
    await house.sql("update buyers set stripe_customer_id = 'cus_gone' where id = $1", [broken.buyer.id]);
    await closeDates(3);
    expect(transfers()).toMatchObject([{ destination: sound.supplier.account }]);
    const [first] = await house.sql<{ report: { dead: unknown } }>(
      'select report from closes order by business_date limit 1',
    );
    expect(first?.report.dead).toMatchObject([{ job: 'billing.bill-buyer' }]);
  });
});

describe('a declined invoice', () => {
  test('stays open, is tried once per date, and is paid on the close after the card is mended', async () => {
    const { number, buyer } = await house.road({ card: 'pm_card_chargeCustomerFail' });
    await qualified(number);
    await house.close(FIRST_DATE);
    const [invoice] = await house.sql<{ id: string }>('select id from invoices');
    await house.services.billing.poke(invoice?.id ?? '', 'hint', house.clock.nowMs());
    await house.work();
    expect(await invoices()).toMatchObject([{ state: 'open', last_problem: 'generic_decline' }]);
    expect(house.simulator.journal.all('charge')).toHaveLength(1);

    await house.close(dateAfter(1));
    expect(house.simulator.journal.all('charge')).toHaveLength(2);
    await house.mendCard(buyer.customer ?? '');
    await house.close(dateAfter(2));
    expect(await invoices()).toMatchObject([{ state: 'paid', last_problem: null }]);
    expect(house.simulator.journal.all('charge').filter(({ paid }) => paid)).toHaveLength(1);
    expect(house.simulator.journal.all('charge')).toHaveLength(3);
  });
});

describe('what waits says why, and goes on the night after it is mended', () => {
  test('an invoice of a buyer without a customer at Stripe', async () => {
    const supplier = await house.supplier();
    const buyer = await house.buyer({ card: null });
    const { number } = await house.campaign(buyer, supplier);
    await qualified(number);
    expect(endsOf(await house.close(FIRST_DATE), 'billing.bill-buyer')).toEqual(['buyer_has_no_customer']);
    await house.buyer({ id: buyer.id });
    await house.close(dateAfter(1));
    expect(await invoices()).toMatchObject([{ state: 'paid', date: FIRST_DATE }]);
    // The first date is closed: what happens now is of the next one.
    const dates = await house.sql(
      "select distinct business_date::text as date from journals where template <> 'call'",
    );
    expect(dates).toEqual([{ date: dateAfter(1) }]);
  });

  test('the earnings of a supplier without an account', async () => {
    const supplier = await house.supplier({ account: false });
    const { number } = await house.campaign(await house.buyer(), supplier);
    await qualified(number);
    await closeDates(3);
    expect(amounts()).toEqual([]);
    expect(await reasonsNotPlanned(dateAfter(2))).toEqual(['supplier_has_no_account']);
    await house.supplier({ id: supplier.id });
    await house.close(dateAfter(3));
    expect(amounts()).toEqual([2_800]);
  });

  test('the earnings of a supplier who is held', async () => {
    const { number, supplier } = await house.road();
    await qualified(number);
    const hold = (held: boolean, reason: string) =>
      house.services.payouts.hold(supplier.id, held, 'ops', reason, house.clock.nowMs());
    expect(await hold(true, 'the bank asks')).toEqual({ changed: true, status: 'held' });
    expect(await hold(true, 'the bank asks')).toEqual({ changed: false, status: 'held' });
    await closeDates(3);
    expect(await reasonsNotPlanned(dateAfter(2))).toEqual(['supplier_held']);
    expect(await preview()).toMatchObject([{ waitsFor: 'supplier_held', heldReason: 'the bank asks' }]);
    await hold(false, 'the bank is content');
    expect(await preview()).toMatchObject([{ pays: true, amountMinor: 2_800, waitsFor: null }]);
    await house.close(dateAfter(3));
    expect(amounts()).toEqual([2_800]);
    expect(await preview()).toEqual([]);
    const log = await house.sql(
      "select actor, action, detail from audit_log where action like 'supplier.%' order by id",
    );
    expect(log).toEqual([
      { actor: 'ops', action: 'supplier.hold', detail: { reason: 'the bank asks' } },
      { actor: 'ops', action: 'supplier.release', detail: { reason: 'the bank is content' } },
    ]);
  });

  test('all earnings while payouts are stopped', async () => {
    const { number } = await house.road();
    await qualified(number);
    await house.services.payouts.stop(true, 'ops', 'a drill', house.clock.nowMs());
    await closeDates(3);
    expect(await reasonsNotPlanned(dateAfter(2))).toEqual(['payouts_stopped']);
    await house.services.payouts.stop(false, 'ops', 'the drill is over', house.clock.nowMs());
    await house.close(dateAfter(3));
    expect(amounts()).toEqual([2_800]);
  });

  test('a payout above the limit, until a second person approves it; then it goes at once', async () => {
    const { number } = await house.road({ priceMinor: 2_000_000 });
    await qualified(number);
    await closeDates(4);
    expect(amounts()).toEqual([]);
    const [payout] = await house.sql<{ id: string; state: string }>('select id, state from payouts');
    expect(payout?.state).toBe('waiting_approval');
    const approve = (by = 'second') =>
      house.services.payouts.approve(payout?.id ?? '', by, 'looked at it', house.clock.nowMs());
    await expect(approve('schedule')).rejects.toMatchObject({ code: 'APPROVAL_REFUSED' });
    expect(await approve()).toEqual({ approved: true, state: 'planned' });
    expect(await approve()).toMatchObject({ approved: false });
    await house.work();
    await house.advance(DAY_MS / 2);
    await house.work();
    expect(amounts()).toEqual([1_400_000]);
    const told = await house.services.payouts.show(payout?.id ?? '');
    expect(told).toMatchObject({
      state: 'sent',
      attempts: expect.arrayContaining([expect.objectContaining({ outcome: 'sent' })]),
    });
  });
});
