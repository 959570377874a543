import { expect, it } from 'vitest';
import { connect, DAY_MS, NOON_MS, options, rawApi, SECRET_KEY, startSimulator } from '../helpers/stripe.ts';

/** A connected account to which 50.00 were sent. */
async function start() {
  const simulator = await startSimulator({ startMs: NOON_MS });
  const stripe = connect(simulator.url);
  const api = rawApi(simulator.url);
  const customer = await stripe.buyer();
  const method = simulator.journal.all('payment_method')[0]?.id ?? '';
  const charge = { amount: '9000', currency: 'usd', customer, payment_method: method, confirm: 'true' };
  expect((await api('POST', '/v1/payment_intents', charge)).status).toBe(200);
  const account = await stripe.supplier();
  const send = (amount: number) =>
    api('POST', '/v1/transfers', { amount: String(amount), currency: 'usd', destination: account });
  const { id: transfer } = (await send(5_000)).json();
  const { accounts } = stripe;
  return {
    ...{ simulator, stripe, api, account, accounts, send, transfer },
    later: () => simulator.clock.advanceTo(simulator.clock.nowMs() + DAY_MS),
    list: () => accounts.listBankPayouts(account, 0, options()),
    told: () =>
      simulator.journal
        .all('event')
        .filter((event) => event.account === account && event.type.startsWith('payout.'))
        .map(({ type }) => type),
  };
}

it('a connected account’s bank is paid a day later what transfers brought, and the platform’s balance does not move', async () => {
  const { simulator, api, account, accounts, list, told, later, send } = await start();
  const balance = async () => (await api('GET', '/v1/balance')).text;
  const before = await balance();
  expect(await list()).toEqual([]);
  later();
  const [payout] = await list();
  expect(payout).toMatchObject({ amountMinor: 5_000, currency: 'usd', status: 'pending', failureCode: null });
  later();
  expect(await accounts.readBankPayout(account, payout?.id ?? '', options())).toEqual({
    ...payout,
    status: 'paid',
  });
  expect(await balance()).toBe(before);
  expect((await api('GET', '/v1/payouts')).json().data).toEqual([]);
  expect(told()).toEqual(['payout.created', 'payout.paid']);
  later();
  await send(700);
  later();
  expect((await list()).map(({ amountMinor }) => amountMinor)).toEqual([700, 5_000]);
  expect(simulator.journal.check()).toEqual([]);
});

it('a bank that gives a payout back is paid nothing more until it is changed, and then all of it by another payout', async () => {
  const { simulator, account, list, told, later, send } = await start();
  const control = (failsWith: string | null) =>
    fetch(`${simulator.url}/_sim/banks`, { method: 'POST', body: JSON.stringify({ account, failsWith }) });
  expect((await control('no_account')).status).toBe(200);
  later();
  later();
  expect(await list()).toMatchObject([
    {
      status: 'failed',
      failureCode: 'no_account',
      failureMessage: expect.stringContaining('No bank account'),
    },
  ]);
  await send(700);
  later();
  later();
  expect(await list()).toHaveLength(1);
  await control(null);
  later();
  later();
  expect(await list()).toMatchObject([{ amountMinor: 5_700, status: 'paid' }, { status: 'failed' }]);
  expect(told()).toEqual(['payout.created', 'payout.failed', 'payout.created', 'payout.paid']);
  expect(simulator.journal.check()).toEqual([]);
});

it('what was taken back of a transfer is not paid to the bank', async () => {
  const { simulator, api, transfer, list, later } = await start();
  await api('POST', `/v1/transfers/${transfer}/reversals`, { amount: '2000' });
  later();
  expect((await list()).map(({ amountMinor }) => amountMinor)).toEqual([3_000]);
  expect(simulator.journal.check()).toEqual([]);
});

it('an account sees its own payouts only, and one that is none of ours is not shown', async () => {
  const { stripe, accounts, list, later } = await start();
  later();
  const [payout] = await list();
  for (const other of [await stripe.supplier('supplier-2'), 'acct_none']) {
    expect(await accounts.listBankPayouts(other, 0, options())).toEqual([]);
    expect(await accounts.readBankPayout(other, payout?.id ?? '', options())).toBeNull();
  }
});

it('what the simulator does not keep for connected accounts it refuses', async () => {
  const { simulator, account } = await start();
  const ask = (path: string, as: string) =>
    fetch(`${simulator.url}${path}`, {
      headers: { authorization: `Bearer ${SECRET_KEY}`, 'stripe-account': as },
    });
  expect((await ask('/v1/balance', account)).status).toBe(400);
  const stranger = await ask('/v1/payouts', 'acct_none');
  expect([stranger.status, await stranger.json()]).toMatchObject([
    403,
    { error: { code: 'account_invalid' } },
  ]);
});
