import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jobs } from '../../src/jobs/registry.ts';
import { balancesOf } from '../helpers/books.ts';
import { DAY_MS, dateAfter, keepServer } from '../helpers/house.ts';
import { type OneInvoice, openInvoice } from '../helpers/one-invoice.ts';

keepServer();
let one: OneInvoice;
beforeEach(async () => {
  one = await openInvoice();
});
afterEach(() => one.house.end());

describe('what is taken back of an invoice while a credit note is made that ends it', () => {
  /** Of 120.00 80.00 are paid in two parts, and the note of the rest is under way when 25.00 go away again. */
  async function takeBack(kind: 'refund' | 'dispute', status: string): Promise<void> {
    const [first, second] = [one.charge(1, 7_000), one.charge(2, 1_000)];
    await one.say('open', [first]);
    await one.becomeAvailable([first]);
    await one.approveDispute(2);
    await one.move(kind, 're_1', -2_500);
    await one.record('re_1', kind, status);
    await one.say('open', [first, second]);
    await one.becomeAvailable([second]);
    await one.makeNotes();
    expect(await one.state()).toBe('paid');
  }

  test('leaves no call that nobody will ever pay when it is refunded', async () => {
    await takeBack('refund', 'succeeded');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'clawed_back']);
    // 55.00 stayed, 28.00 of it are the supplier's.
    expect(await balancesOf(one.house.sql)).toEqual({
      ...{ stripe_fees: 200, supplier_payable: -2_800, exchange_margin: -2_700, stripe_available: 5_300 },
    });
  });

  test('leaves its call open in a dispute until that is decided', async () => {
    await takeBack('dispute', 'needs_response');
    expect(await one.earnings()).toEqual(['cleared', 'billed', 'clawed_back']);
    await one.record('re_1', 'dispute', 'lost');
    expect(await one.earnings()).toEqual(['cleared', 'written_off', 'clawed_back']);
    expect(await balancesOf(one.house.sql)).toEqual({
      ...{ stripe_fees: 200, supplier_payable: -2_800, exchange_margin: -2_700, stripe_available: 5_300 },
    });
  });
});

describe('credit for a call whose invoice is paid', () => {
  const OF_CALLS = ['fraud.score-call', 'fraud.adjust-call'];
  const others = jobs.map(({ name }) => name).filter((name) => !OF_CALLS.includes(name));
  /** An hour ago, so many calls. */
  async function calls(number: string, count: number): Promise<void> {
    for (let nth = 0; nth < count; nth += 1)
      await one.house.call({ number, startedAtMs: one.house.clock.nowMs() - 3_600_000 + nth });
    await one.house.work({}, others);
  }
  /** The buyer's invoice of a night, as it is shown before and as it is planned. */
  async function bill(days: number) {
    const date = dateAfter(days);
    const [shown] = await one.house.services.billing.preview(date);
    await one.house.sql('select app.plan_invoices($1, app.close_due_at($1))', [date]);
    const [planned] = await one.house.sql<{ amountMinor: number; creditMinor: number }>(
      `select amount_minor as "amountMinor", (select coalesce(sum(amount_minor), 0)::int from credits where invoice_id = i.id) as "creditMinor"
       from invoices i where business_date = $1`,
      [date],
    );
    expect(shown).toMatchObject(planned ?? {});
    await one.compare();
    return planned;
  }
  beforeEach(async () => {
    const whole = one.charge(1, 12_000);
    await one.say('paid', [whole]);
    await one.becomeAvailable([whole]);
    await one.approveDispute(2);
    expect(await one.earnings()).toEqual(['cleared', 'cleared', 'clawed_back']);
  });

  test.each(['won', 'lost'])(
    'pays for no call while that is disputed at Stripe, and for the next one when it is %s',
    async (end) => {
      await one.move('dispute', 'dp_1', -4_000);
      await one.record('dp_1', 'dispute', 'needs_response');
      await calls(one.number, 1);
      expect(await bill(3)).toEqual({ amountMinor: 4_000, creditMinor: 0 });
      if (end === 'won') await one.move('dispute_reversal', 'dp_1', 4_000);
      await one.record('dp_1', 'dispute', end);
      one.house.advance(DAY_MS);
      await calls(one.number, 2);
      expect(await bill(4)).toEqual({ amountMinor: 4_000, creditMinor: 4_000 });
    },
  );

  test('does not keep credit for a call of another invoice from paying, nor is taken in its place', async () => {
    await one.move('dispute', 'dp_1', -4_000);
    await one.record('dp_1', 'dispute', 'needs_response');
    await calls(one.number, 1);
    await bill(3);
    const { sql, services, clock, advance } = one.house;
    const { billing, adjustments } = services;
    const [next] = await sql<{ id: string }>("select id from invoices where state = 'planned'");
    const nextId = next?.id ?? '';
    const claim = async () => {
      const claimed = await billing.claim(nextId, clock.nowMs());
      return claimed.kind === 'claimed' ? claimed.token : '';
    };
    await billing.recordIssued(
      nextId,
      await claim(),
      { stripeInvoiceId: 'in_2', taxMinor: 0 },
      clock.nowMs(),
    );
    const charges = [one.charge(2, 4_000)];
    const paid = { status: 'paid', charges, problem: null, payUrl: null };
    await billing.recordState(nextId, await claim(), paid, clock.nowMs());
    await one.becomeAvailable(charges);
    const [call] = await sql<{ id: string }>('select id from calls order by started_at desc limit 1');
    await adjustments.ask(call?.id ?? '', 'ops', 'fraud', clock.nowMs());
    await calls(one.number, 1);
    advance(DAY_MS);
    expect(await bill(6)).toEqual({ amountMinor: 0, creditMinor: 4_000 });
    const taken = await sql(
      'select e.call_id from credits c join earnings e on e.id = c.earning_id where c.invoice_id is not null',
    );
    expect(taken).toEqual([{ call_id: call?.id }]);
  });

  test('stands beside a refund of the same call, and the exchange bears both', async () => {
    const other = await one.house.road();
    await calls(other.number, 4);
    await one.move('refund', 're_1', -12_000);
    await one.record('re_1', 'refund', 'succeeded');
    expect(await one.earnings()).toEqual([
      'written_off',
      'written_off',
      'clawed_back',
      ...Array(4).fill('accrued'),
    ]);
    // Of the 48.00 that the other calls leave it the price of that call is gone.
    expect(await balancesOf(one.house.sql)).toEqual({
      ...{ buyer_unbilled: 16_000 - 4_000, supplier_pending: -11_200, exchange_margin: -800 },
      ...{ stripe_fees: 100, stripe_available: -100 },
    });
  });
});
