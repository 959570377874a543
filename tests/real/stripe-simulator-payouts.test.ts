import { expect, it } from 'vitest';
import { connect, DAY_MS, options, rawApi, startSimulator } from '../helpers/stripe.ts';

/** A platform whose balance is 2 × 96.80, available. */
async function start() {
  const simulator = await startSimulator();
  const stripe = connect(simulator.url);
  const api = rawApi(simulator.url);
  const customer = await stripe.buyer();
  const method = simulator.journal.all('payment_method')[0]?.id ?? '';
  const charge = { amount: '10000', currency: 'usd', customer, payment_method: method, confirm: 'true' };
  for (const _ of [1, 2]) expect((await api('POST', '/v1/payment_intents', charge)).status).toBe(200);
  const later = (days: number) => simulator.clock.advanceTo(simulator.clock.nowMs() + days * DAY_MS);
  later(3);
  const items = async (payout: string, more = {}) =>
    api('GET', '/v1/balance_transactions', { payout, ...more });
  return { simulator, stripe, api, later, items };
}
const SUM = 2 * (10_000 - 320);

it('an automatic payout takes all that is available, and tells what it is made of once it has arrived', async () => {
  const { simulator, api, later, items, stripe } = await start();
  simulator.faults.schedulePayouts({ interval: 'daily' });
  later(1);
  const [payout] = await stripe.payouts.list(0, options());
  expect(payout).toMatchObject({
    ...{ amountMinor: SUM, currency: 'usd', automatic: true, status: 'in_transit' },
    ...{ reconciliationStatus: 'in_progress', traceId: null },
  });
  const id = payout?.id ?? '';
  expect((await items(id)).json().error.code).toBe('payout_reconciliation_not_ready');
  later(2);
  expect(await stripe.payouts.list(0, options())).toEqual([
    {
      ...payout,
      status: 'paid',
      reconciliationStatus: 'completed',
      traceId: expect.stringMatching(/^\d{15}$/),
    },
  ]);
  const all = (await items(id)).json().data as { id: string; net: number; source: string }[];
  expect(all.map(({ net }) => net)).toEqual([-SUM, SUM / 2, SUM / 2]);
  const pages: unknown[] = [];
  for (let after = ''; ; ) {
    const page = (await items(id, { limit: '1', ...(after === '' ? {} : { starting_after: after }) })).json();
    pages.push(...(page.data as unknown[]));
    if (page.has_more !== true) break;
    after = (pages.at(-1) as { id: string }).id;
  }
  expect(pages).toEqual(all);
  const read: unknown[] = [];
  await stripe.payouts.readItems(id, async (page) => read.push(...page), options());
  expect(read).toEqual(all.slice(1).map(({ id, net }) => ({ id, netMinor: net })));
  later(3);
  expect(await stripe.payouts.list(0, options())).toHaveLength(1);
  expect((await api('GET', '/v1/balance')).json().available).toMatchObject([{ amount: 0 }]);
  expect(simulator.journal.check()).toEqual([]);
});

it('a manual payout arrives by itself and is never itemised, and what failed is on the balance again and in the next automatic one', async () => {
  const { simulator, api, later, items, stripe } = await start();
  const { id } = (await api('POST', '/v1/payouts', { amount: '5000', currency: 'usd' })).json();
  later(3);
  expect(await stripe.payouts.list(0, options())).toMatchObject([{ id, status: 'paid', automatic: false }]);
  expect((await items(id)).status).toBe(400);
  const fail = () =>
    fetch(`${simulator.url}/_sim/payouts/fail`, {
      method: 'POST',
      body: JSON.stringify({ payout: id, failsWith: 'account_closed' }),
    });
  // A bank gives a payout back once.
  for (const _ of [1, 2]) expect((await fail()).status).toBe(200);
  expect(await stripe.payouts.list(0, options())).toMatchObject([
    { id, status: 'failed', failureCode: 'account_closed' },
  ]);
  expect((await api('GET', '/v1/balance')).json().available).toMatchObject([{ amount: SUM }]);
  const schedule = { method: 'POST', body: JSON.stringify({ interval: 'daily' }) };
  expect((await fetch(`${simulator.url}/_sim/payouts`, schedule)).status).toBe(200);
  later(1);
  later(3);
  const [, automatic] = await stripe.payouts.list(0, options());
  expect(automatic).toMatchObject({ automatic: true, amountMinor: SUM });
  const made = (await items(automatic?.id ?? '')).json().data as { reporting_category: string }[];
  expect(made.map(({ reporting_category }) => reporting_category)).toEqual([
    ...['payout', 'payout_reversal', 'payout', 'charge', 'charge'],
  ]);
  expect(simulator.journal.check()).toEqual([]);
});

it('the newest movement of the balance is told, and none before the first', async () => {
  const empty = await startSimulator();
  expect(await connect(empty.url).payouts.newestMovement(options())).toBeNull();
  const { simulator, api, stripe } = await start();
  const { id } = (await api('POST', '/v1/payouts', { amount: '100', currency: 'usd' })).json();
  const moved = simulator.journal.all('balance_transaction').find(({ source }) => source === id);
  expect(await stripe.payouts.newestMovement(options())).toEqual({
    id: moved?.id,
    createdMs: (moved?.created ?? 0) * 1_000,
  });
});
