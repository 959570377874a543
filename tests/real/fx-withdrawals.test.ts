import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';
import { walletsOver } from '../helpers/wallets.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const { post, charged, states, wallet, expectRight, prepaid, calls, night, useCard } = walletsOver(
  () => house,
);
const settle = (currency: 'eur' | 'usd' | 'jpy', into: typeof currency, rate: number) =>
  house.simulator.faults.settleIn({ currency, into, rate });
/** What each account of a currency stands at, without those that are zero. */
async function balances(currency: string) {
  const rows = await house.sql<{ kind: string; balance: number }>(
    `select kind, sum(balance_minor)::bigint as balance from ledger_accounts where currency = $1 group by 1
     having sum(balance_minor) <> 0`,
    [currency],
  );
  return Object.fromEntries(rows.map(({ kind, balance }) => [kind, balance]));
}
const journals = async () =>
  (
    await house.sql<{ template: string; currency: string }>(
      `select template, currency from journals where refs ->> 'withdrawalId' is not null order by id`,
    )
  ).map(({ template, currency }) => `${template} ${currency}`);
const chargeIn = (currency: string) => charged().find((charge) => charge.currency === currency)?.id ?? '';
const refund = (currency: string, amount: number) =>
  post('/v1/refunds', { charge: chargeIn(currency), amount: String(amount) });
const decide = (how: 'winning' | 'losing') =>
  post(`/v1/disputes/${house.simulator.journal.all('dispute')[0]?.id}`, {
    'evidence[uncategorized_text]': `${how}_evidence`,
  });
const sent = () =>
  house.simulator.journal.all('transfer').map(({ amount, currency }) => `${amount} ${currency}`);
/** Nothing that moved is unexplained, and everything agrees. */
async function clean(): Promise<void> {
  await expectRight();
  expect(await house.sql('select identity from reconciliation_breaks')).toEqual([]);
}

type Currency = Parameters<typeof settle>[0];
/**
 * Two calls of 40.00 in a currency, invoiced on the first night, and two of another buyer in the
 * one that it settles in, whose supplier is paid as long as payouts of that currency go on.
 */
async function bill(currency: Currency, into: Currency, rate: number, card?: string) {
  settle(currency, into, rate);
  const road = await house.road({ currency, ...(card === undefined ? {} : { card }) });
  for (const hour of [2, 1])
    await house.call({ number: road.number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
  const own = await house.road({ currency: into });
  for (const hour of [2, 1])
    await house.call({ number: own.number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
  await night(0);
  return road;
}
/** The calls in a currency, the oldest first. */
const statesIn = async (currency: string) =>
  (
    await house.sql<{ state: string }>('select state from earnings where currency = $1 order by started_at', [
      currency,
    ])
  ).map(({ state }) => state);

describe('a refund of a charge in eur that settled in usd', () => {
  test('takes its part of the invoice in eur, and of the balance in usd by the rate of its day', async () => {
    await bill('eur', 'usd', 1.0825);
    await night(1);
    settle('eur', 'usd', 1.1);
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    await refund('eur', 3_900);
    await night(2);
    expect(await journals()).toEqual(['refund_exchanged eur', 'refund_settled usd']);
    // 80.00 EUR were 86.60 USD; 39.00 EUR of them were 42.90 USD when they went back.
    expect(await balances('eur')).toEqual({
      ...{ fx_clearing: 4_100, supplier_pending: -2_800 },
      // The newer call ended; the 1.00 that the buyer left of it stays with the exchange.
      exchange_margin: -1_300,
    });
    expect(await balances('usd')).toMatchObject({ fx_clearing: -8_660 + 4_290 });
    expect(await statesIn('eur')).toEqual(['billed', 'written_off']);
    expect(
      await house.sql('select paid_minor, paid_currency, amount_minor, currency from withdrawals'),
    ).toEqual([{ paid_minor: 3_900, paid_currency: 'eur', amount_minor: 4_290, currency: 'usd' }]);
    const preview = await house.services.payouts.preview(dateAfter(3), house.clock.nowMs());
    expect(preview.filter(({ currency }) => currency === 'eur')).toMatchObject([
      { waitsFor: 'settled_in:usd', amountMinor: 2_800 },
    ]);
    expect(sent()).toEqual(['5600 usd']);
    await clean();
  });

  test('of the whole ends the invoice in eur, and what the rates gained or lost is left between the currencies', async () => {
    await bill('eur', 'usd', 1.0825);
    await night(1);
    settle('eur', 'usd', 1);
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    await refund('eur', 5_000);
    await refund('eur', 3_000);
    await night(2);
    expect(await balances('eur')).toEqual({});
    expect(await balances('usd')).toMatchObject({ fx_clearing: -660 });
    expect(await statesIn('eur')).toEqual(['written_off', 'written_off']);
    await clean();
    for (const days of [3, 4]) await night(days);
    expect(sent()).toEqual(['5600 usd']);
    await clean();
  });

  test('and a dispute of it are booked once, whenever the comparison is killed and run again', async () => {
    await bill('eur', 'usd', 1.0825, 'pm_card_createDispute');
    await night(1);
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    await decide('winning');
    await refund('eur', 4_000);
    await house.begin(dateAfter(2));
    await house.work({}, ['reconciliation.reconcile-money']);
    const steps = await dieAtEachStep(house, await house.row('reconciliation.reconcile-money', dateAfter(2)));
    expect(steps).toContain('reconciliation.recordWithdrawal');
    await house.work();
    expect((await journals()).toSorted()).toEqual([
      'dispute_exchanged eur',
      'dispute_settled usd',
      'dispute_won_exchanged eur',
      'dispute_won_settled usd',
      'refund_exchanged eur',
      'refund_settled usd',
    ]);
    expect(await balances('eur')).toEqual({
      ...{ fx_clearing: 4_000, supplier_pending: -2_800, exchange_margin: -1_200 },
    });
    await clean();
  });
});

test.each([
  { from: 'jpy', into: 'usd', rate: 0.671234, rateBack: 0.7, gross: 5_370, back: 2_100 },
  { from: 'usd', into: 'jpy', rate: 1.4987, rateBack: 1.5003, gross: 11_990, back: 4_501 },
] as const)(
  '3000 minor units of $from that are refunded are $back of $into, as Stripe says',
  async ({ from, into, rate, rateBack, gross, back }) => {
    await bill(from, into, rate);
    await night(1);
    settle(from, into, rateBack);
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    await refund(from, 3_000);
    await night(2);
    expect(await balances(from)).toMatchObject({ fx_clearing: 5_000, supplier_pending: -2_800 });
    expect(await balances(into)).toMatchObject({ fx_clearing: back - gross });
    expect(
      await house.sql("select refs ->> 'exchangeRate' as rate from journals where template like 'refund%'"),
    ).toEqual([{ rate: String(rateBack) }, { rate: String(rateBack) }]);
    await clean();
  },
);

describe('a dispute of a charge in eur that settled in usd', () => {
  beforeEach(async () => {
    await bill('eur', 'usd', 1.0825, 'pm_card_createDispute');
    for (const days of [1, 2]) await night(days);
  });

  test('is with Stripe in eur, left the balance with its fee in usd, and the payouts in usd go on', async () => {
    expect(await journals()).toEqual(['dispute_exchanged eur', 'dispute_settled usd']);
    expect(await balances('eur')).toEqual({
      ...{ dispute_receivable: 8_000, supplier_pending: -5_600, exchange_margin: -2_400 },
    });
    // Of two charges, and of the dispute.
    expect(await balances('usd')).toMatchObject({ stripe_fees: 281 + 262 + 1_500 });
    expect(await balances('usd')).not.toHaveProperty('fx_clearing');
    expect(await statesIn('eur')).toEqual(['billed', 'billed']);
    expect(sent()).toEqual(['5600 usd']);
    await clean();
  });

  test('that is won comes back by the rate of that day, and its calls wait as before', async () => {
    settle('eur', 'usd', 1.07);
    await decide('winning');
    await night(3);
    expect((await journals()).slice(2)).toEqual(['dispute_won_exchanged eur', 'dispute_won_settled usd']);
    expect(await balances('eur')).toEqual({
      ...{ fx_clearing: 8_000, supplier_pending: -5_600, exchange_margin: -2_400 },
    });
    expect(await balances('usd')).toMatchObject({ stripe_fees: 281 + 262, fx_clearing: -8_560 });
    expect(await statesIn('eur')).toEqual(['billed', 'billed']);
    await night(4);
    await clean();
  });

  test('that is lost ends the invoice in eur, and nothing more moves in usd', async () => {
    const before = await balances('usd');
    await decide('losing');
    await night(3);
    expect((await journals()).slice(2)).toEqual(['dispute_lost eur']);
    expect(await balances('eur')).toEqual({});
    expect(await balances('usd')).toEqual(before);
    expect(await statesIn('eur')).toEqual(['written_off', 'written_off']);
    await night(4);
    await clean();
  });
});

describe('a top-up in usd that settled in eur', () => {
  test('and is refunded is out of the wallet, whose calls are paid by what settles in usd', async () => {
    settle('usd', 'eur', 0.9237);
    const road = await prepaid();
    await calls(road, 1);
    settle('usd', 'usd', 1);
    await calls(road, 1);
    for (const days of [0, 1]) await night(days);
    settle('usd', 'eur', 0.9);
    settle('usd', 'usd', 1);
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    await refund('usd', 9_000);
    await night(2);
    expect(await journals()).toEqual(['refund_exchanged usd', 'refund_settled eur']);
    expect(await balances('eur')).toMatchObject({ fx_clearing: -9_237 + 8_100 });
    expect(sent()).toEqual(['5600 usd']);
    // It was charged again, and 90.00 of what had been paid in are gone.
    expect(await wallet()).toMatchObject({ coverMinor: 30_000 - 9_000 - 8_000, availableMinor: 10_000 });
    for (const days of [3, 4]) await night(days);
    expect(await states()).toEqual(['paid', 'paid']);
    await clean();
  });

  test.each([
    { how: 'winning', cover: 16_000, eur: -9_300 },
    { how: 'losing', cover: 6_000, eur: 0 },
  ] as const)(
    'and is disputed is in the wallet again by $how evidence alone',
    async ({ how, cover, eur }) => {
      settle('usd', 'eur', 0.9237);
      const terms = { lowWaterMinor: 0, rechargeMinor: 10_000, mostPerDay: 1 };
      const road = await prepaid('pm_card_createDispute', terms);
      await calls(road, 1);
      await useCard(road.buyer.customer, 'pm_card_visa');
      settle('usd', 'usd', 1);
      for (const days of [0, 1]) await night(days);
      expect(await balances('usd')).toMatchObject({ dispute_receivable: 10_000, buyer_wallet: -16_000 });
      expect(await wallet()).toMatchObject({ coverMinor: 6_000 });
      settle('usd', 'eur', 0.93);
      settle('usd', 'usd', 1);
      await decide(how);
      for (const days of [2, 3]) await night(days);
      expect(await wallet()).toMatchObject({ coverMinor: cover, availableMinor: 10_000 });
      expect((await balances('eur')).fx_clearing ?? 0).toBe(eur);
      expect(sent()).toEqual(['2800 usd']);
      await clean();
    },
  );
});
