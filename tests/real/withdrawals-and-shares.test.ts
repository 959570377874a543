import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jobs } from '../../src/jobs/registry.ts';
import { balancesOf } from '../helpers/books.ts';
import { keepServer } from '../helpers/house.ts';
import { ORDER } from '../helpers/late-calls.ts';
import { type OneInvoice, openInvoice } from '../helpers/one-invoice.ts';

keepServer();
const ALL = 12_000;
const TIERS = [
  { fromCall: 1, bps: 5_000 },
  { fromCall: 2, bps: 7_000 },
];
let one: OneInvoice;
afterEach(() => one.house.end());

const OF_CALLS = [ORDER, 'fraud.score-call', 'fraud.adjust-call'];
const others = jobs.map(({ name }) => name).filter((name) => !OF_CALLS.includes(name));
/** Shares that are earned, the oldest call first. */
const shares = async () =>
  (
    await one.house.sql<{ share: number }>(
      "select share_minor as share from earnings where state <> 'clawed_back' order by started_at",
    )
  ).map(({ share }) => share);
const adjustment = async () =>
  (
    await one.house.sql<{ on: string }>(
      `select coalesce(a.waits_for, a.state) as on from adjustments a join earnings e on e.id = a.earning_id
       where e.invoice_id = $1`,
      [one.invoiceId],
    )
  ).map(({ on }) => on);
/** What a close does first: adjustments that wait are tried again, and the calls of the month, which is over, put in order. */
async function nextClose(): Promise<void> {
  const { sql, clock, work } = one.house;
  const now = new Date(clock.nowMs());
  await sql(
    "select app.look_again(c, $1) from adjustments a join calls c on c.id = a.call_id where a.state = 'waiting'",
    [now],
  );
  await work({}, others);
  await sql("select app.plan_order('2026-11-30', $1)", [now]);
  await work({}, others);
  await one.compare();
}

describe("another share of a call waits for a payout under way, and its buyer's money is taken back meanwhile", () => {
  /** A call came late before the first of the invoice, which is in a payout; that is sent when the money has gone. */
  async function takeBack(kind: 'refund' | 'dispute', status: string): Promise<void> {
    const { house } = one;
    const { payouts } = house.services;
    const whole = one.charge(1, ALL);
    await one.say('paid', [whole]);
    await one.becomeAvailable([whole]);
    await one.plan();
    const [payout] = await house.sql<{ id: string; destination: string }>(
      'select id, destination from payouts',
    );
    if (payout === undefined) throw new Error('no payout');
    const claimed = await payouts.claim(payout.id, house.clock.nowMs());
    if (claimed.kind !== 'claimed') throw new Error(`the payout is ${claimed.kind}`);
    const [first] = await house.sql<{ ms: number }>('select app.ms(min(started_at)) as ms from calls');
    await house.call({ number: one.number, startedAtMs: (first?.ms ?? 0) - 3_600_000 });
    await nextClose();
    expect(await adjustment()).toEqual(['payout_in_flight']);
    expect(await shares()).toEqual([2_000, 2_000, 2_800, 2_800]);

    await one.move(kind, 'x_1', -ALL);
    await one.record('x_1', kind, status);
    await payouts.noteSend(payout.id, claimed.token, house.clock.nowMs());
    const sent = { transferId: 'tr_1', balanceTransactionId: 'txn_tr_1', destination: payout.destination };
    const amount = { amountMinor: 7_600, currency: 'usd' };
    await payouts.settle(payout.id, claimed.token, { kind: 'sent', ...sent, ...amount }, house.clock.nowMs());
    await nextClose();
  }
  /** The late call is the first of the tier; the one that was paid out keeps the share that was lost. */
  async function expectDropped(): Promise<void> {
    expect(await adjustment()).toEqual(['dropped']);
    expect(await shares()).toEqual([2_000, 2_000, 2_800, 2_800]);
    expect(await balancesOf(one.house.sql)).toMatchObject({ bad_debt: ALL });
    expect(await one.house.sql('select unit from unordered_periods')).toEqual([]);
  }
  beforeEach(async () => {
    one = await openInvoice(0, { supplierShareTiers: TIERS });
  });

  test('by a refund: it is dropped, and what was paid out is lost once', async () => {
    await takeBack('refund', 'succeeded');
    await expectDropped();
  });

  test('by a dispute: it waits until that is decided, and is dropped when it is lost', async () => {
    await takeBack('dispute', 'needs_response');
    expect(await adjustment()).toEqual(['money_taken_back']);
    await one.record('x_1', 'dispute', 'lost');
    await nextClose();
    await expectDropped();
  });

  test('by a dispute that is won: the next close books the other share', async () => {
    await takeBack('dispute', 'needs_response');
    expect(await adjustment()).toEqual(['money_taken_back']);
    await one.move('dispute_reversal', 'x_1', ALL);
    await one.record('x_1', 'dispute', 'won');
    await nextClose();
    expect(await adjustment()).toEqual(['posted']);
    expect(await shares()).toEqual([2_000, 2_800, 2_800, 2_800]);
    expect(await balancesOf(one.house.sql)).toMatchObject({ supplier_debt: 2_000, supplier_payable: -2_800 });
    expect(await one.house.sql('select unit from unordered_periods')).toEqual([]);
  });
});
