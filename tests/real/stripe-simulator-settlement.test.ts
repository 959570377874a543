import { expect, it } from 'vitest';
import { listAllMovements } from '../helpers/movements.ts';
import { connect, DAY_MS, NOON_MS, options, rawApi, startSimulator } from '../helpers/stripe.ts';

/** A buyer with a card, of whom charges in eur settle in usd. */
async function start(card = 'pm_card_bypassPending') {
  const simulator = await startSimulator({ startMs: NOON_MS });
  const stripe = connect(simulator.url);
  const api = rawApi(simulator.url);
  const settle = async (into: string, rate: number) => {
    const body = JSON.stringify({ currency: 'eur', into, rate });
    expect((await fetch(`${simulator.url}/_sim/settlement`, { method: 'POST', body })).status).toBe(200);
  };
  await settle('usd', 1.0825);
  const customer = await stripe.buyer('b1', card);
  const method = simulator.journal.all('payment_method')[0]?.id ?? '';
  return {
    ...{ simulator, stripe, api, settle },
    charge: async (amount: number) => {
      const facts = { customer, payment_method: method, confirm: 'true' };
      const answer = await api('POST', '/v1/payment_intents', {
        ...{ amount: String(amount), currency: 'eur' },
        ...facts,
      });
      expect(answer.status).toBe(200);
      return String(answer.json().latest_charge);
    },
    moved: async () => {
      const window = { createdFromMs: 0, createdBeforeMs: simulator.clock.nowMs() + DAY_MS };
      const all = await listAllMovements(stripe.balance, { ...window, ...options() });
      return all
        .toReversed()
        .map(
          ({ reportingCategory: what, amountMinor: amount, feeMinor: fee, currency, exchangeRate: rate }) =>
            [what, amount, fee, currency, rate].join(' '),
        );
    },
  };
}

it('a charge keeps what was paid, and brings to the balance what it settled as, with the rate', async () => {
  const { simulator, api, charge, moved, settle } = await start();
  const id = await charge(4_000);
  expect((await api('GET', `/v1/charges/${id}`)).json()).toMatchObject({ amount: 4_000, currency: 'eur' });
  await settle('eur', 1);
  await charge(1_000);
  expect(await moved()).toEqual(['charge 4330 156 usd 1.0825', 'charge 1000 59 eur ']);
  const [succeeded] = simulator.journal.all('event').filter(({ type }) => type === 'charge.succeeded');
  expect(succeeded?.data.object).toMatchObject({ id, amount: 4_000, currency: 'eur' });
  expect(simulator.journal.check()).toEqual([]);
});

it('refunds and disputes of it are in its currency, and move what it settled in at the rate of their own day', async () => {
  const { simulator, api, charge, moved, settle } = await start('pm_card_createDispute');
  const disputed = await charge(4_000);
  await settle('usd', 2);
  simulator.clock.advanceTo(simulator.clock.nowMs() + 3 * DAY_MS);
  const [dispute] = simulator.journal.all('dispute');
  expect(dispute).toMatchObject({ charge: disputed, amount: 4_000, currency: 'eur' });
  const won = { 'evidence[uncategorized_text]': 'winning_evidence', submit: 'true' };
  expect((await api('POST', `/v1/disputes/${dispute?.id}`, won)).status).toBe(200);
  const refund = await api('POST', '/v1/refunds', { charge: disputed, amount: '1000' });
  expect(refund.json()).toMatchObject({ amount: 1_000, currency: 'eur' });
  expect((await moved()).toSorted()).toEqual([
    'charge 4330 156 usd 1.0825',
    'dispute -4330 1500 usd 1.0825',
    'dispute_reversal 8000 -1500 usd 2',
    'refund -2000 0 usd 2',
  ]);
  // Where its currency settles by now changes nothing of it.
  await settle('eur', 1);
  expect((await api('POST', '/v1/refunds', { charge: disputed, amount: '500' })).status).toBe(200);
  expect(await moved()).toContain('refund -1000 0 usd 2');
  expect(simulator.journal.check()).toEqual([]);
});
