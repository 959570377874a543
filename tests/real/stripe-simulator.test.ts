import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Transfer } from '../../sandbox/stripe/objects.ts';
import { verifyStripeWebhook } from '../../src/integrations/stripe/events.ts';
import {
  connect,
  DAY_MS,
  rawApi,
  SECRET_KEY,
  startSimulator,
  temporaryDirectory,
} from '../helpers/stripe.ts';

const WEBHOOK_SECRET = 'whsec_plainly_fake';

async function start() {
  const simulator = await startSimulator();
  return { simulator, api: rawApi(simulator.url) };
}

describe('an idempotency key', () => {
  it('gives the stored answer again, marked as a replay, and does nothing again', async () => {
    const { simulator, api } = await start();
    const first = await api('POST', '/v1/customers', { name: 'A' }, 'k1');
    const again = await api('POST', '/v1/customers', { name: 'A' }, 'k1');
    expect([first.replayed, again.replayed]).toEqual([false, true]);
    expect(again.text).toBe(first.text);
    expect(simulator.journal.all('customer')).toHaveLength(1);
  });

  it('refuses other parameters and another endpoint', async () => {
    const { api } = await start();
    const { id } = (await api('POST', '/v1/customers', { name: 'A' }, 'k1')).json();
    const other = await api('POST', '/v1/customers', { name: 'B' }, 'k1');
    const elsewhere = await api('POST', `/v1/customers/${id}`, { name: 'A' }, 'k1');
    for (const answer of [other, elsewhere]) {
      expect(answer.status).toBe(400);
      expect(answer.json().error.type).toBe('idempotency_error');
    }
  });

  it('in use by a request that still runs is a conflict', async () => {
    const { simulator, api } = await start();
    simulator.faults.add({ kind: 'stall', pathPrefix: '/v1/customers', stallMs: 300 });
    const both = await Promise.all([
      api('POST', '/v1/customers', {}, 'k1'),
      api('POST', '/v1/customers', {}, 'k1'),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    const conflict = both.find(({ status }) => status === 409);
    expect(conflict?.json().error.code).toBe('idempotency_key_in_use');
  });

  it('is forgotten after 24 h of the clock and not before', async () => {
    const { simulator, api } = await start();
    await api('POST', '/v1/customers', {}, 'k1');
    const madeMs = simulator.clock.nowMs();
    simulator.clock.advanceTo(madeMs + DAY_MS - 60_000);
    expect((await api('POST', '/v1/customers', {}, 'k1')).replayed).toBe(true);
    simulator.clock.advanceTo(madeMs + DAY_MS);
    expect((await api('POST', '/v1/customers', {}, 'k1')).replayed).toBe(false);
    expect(simulator.journal.all('customer')).toHaveLength(2);
  });

  it('remembers refusals of the execution and declines', async () => {
    const { simulator, api } = await start();
    const transfer = { amount: '100', currency: 'usd', destination: 'acct_none' };
    expect((await api('POST', '/v1/transfers', transfer, 'k1')).status).toBe(400);
    expect(await api('POST', '/v1/transfers', transfer, 'k1')).toMatchObject({ status: 400, replayed: true });
    const stripe = connect(simulator.url);
    const customer = await stripe.buyer('b', 'pm_card_chargeDeclined');
    const method = simulator.journal.all('payment_method')[0]?.id ?? '';
    const charge = { amount: '100', currency: 'usd', customer, payment_method: method, confirm: 'true' };
    expect((await api('POST', '/v1/payment_intents', charge, 'k2')).status).toBe(402);
    expect(await api('POST', '/v1/payment_intents', charge, 'k2')).toMatchObject({
      status: 402,
      replayed: true,
    });
    expect(simulator.journal.all('charge')).toHaveLength(1);
  });

  it.each(['error-before-commit', 'error-after-commit'] as const)('remembers a 500 by %s', async (kind) => {
    const { simulator, api } = await start();
    simulator.faults.add({ kind, pathPrefix: '/v1/customers' });
    expect(await api('POST', '/v1/customers', {}, 'k1')).toMatchObject({ status: 500, replayed: false });
    expect(await api('POST', '/v1/customers', {}, 'k1')).toMatchObject({ status: 500, replayed: true });
    expect(simulator.journal.all('customer')).toHaveLength(kind === 'error-after-commit' ? 1 : 0);
  });

  it('remembers no parameter error, no wrong key, no limit and no lock', async () => {
    const { simulator, api } = await start();
    expect((await api('POST', '/v1/customers', { nickname: 'A' }, 'k1')).status).toBe(400);
    expect((await rawApi(simulator.url, 'sk_test_wrong')('POST', '/v1/customers', {}, 'k1')).status).toBe(
      401,
    );
    for (const kind of ['rate-limit', 'lock-timeout'] as const) {
      simulator.faults.add({ kind });
      expect((await api('POST', '/v1/customers', {}, 'k1')).status).toBe(429);
    }
    simulator.faults.add({ kind: 'cut-before-commit' });
    await expect(api('POST', '/v1/customers', {}, 'k1')).rejects.toThrow();
    expect(await api('POST', '/v1/customers', { name: 'A' }, 'k1')).toMatchObject({
      status: 200,
      replayed: false,
    });
  });

  it('whose answer was lost with the socket gives it to whoever asks again', async () => {
    const { simulator, api } = await start();
    simulator.faults.add({ kind: 'cut-after-commit' });
    await expect(api('POST', '/v1/customers', {}, 'k1')).rejects.toThrow();
    expect(await api('POST', '/v1/customers', {}, 'k1')).toMatchObject({ status: 200, replayed: true });
    expect(simulator.journal.all('customer')).toHaveLength(1);
  });
});

describe('a request', () => {
  it.each([
    ['/v1/customers', { nickname: 'x' }, 400, 'parameter_unknown', 'nickname'],
    [
      '/v1/customers',
      { 'invoice_settings[footer]': 'x' },
      400,
      'parameter_unknown',
      'invoice_settings[footer]',
    ],
    ['/v1/transfers', { currency: 'usd', destination: 'acct_1' }, 400, 'parameter_missing', 'amount'],
    [
      '/v1/transfers',
      { amount: '1.5', currency: 'usd', destination: 'acct_1' },
      400,
      'parameter_invalid_integer',
      'amount',
    ],
    [
      '/v1/transfers',
      { amount: '-5', currency: 'usd', destination: 'acct_1' },
      400,
      'parameter_invalid_integer',
      'amount',
    ],
    ['/v1/transfers', { amount: '5', currency: 'xxx', destination: 'acct_1' }, 400, undefined, 'currency'],
    [
      '/v1/transfers',
      { amount: '5', currency: 'usd', destination: 'acct_1' },
      400,
      'resource_missing',
      'destination',
    ],
    ['/v1/payment_intents', { amount: '49', currency: 'usd' }, 400, 'amount_too_small', 'amount'],
    ['/v1/payment_intents', { amount: '1005', currency: 'kwd' }, 400, 'invalid_charge_amount', 'amount'],
    ['/v1/customers/cus_none', {}, 404, 'resource_missing', 'id'],
    ['/v1/customers', { 'expand[]': 'sources' }, 400, undefined, 'expand'],
    ['/v1/nothing', {}, 404, undefined, undefined],
  ])(
    'to %s with %o is answered %i %s %s',
    async (path, form: Record<string, string>, status, code, param) => {
      const { api } = await start();
      const answer = await api('POST', path, form);
      expect([answer.status, answer.json().error.code, answer.json().error.param]).toEqual([
        status,
        code,
        param,
      ]);
    },
  );

  it('for the 251st item of an invoice is refused', async () => {
    const { simulator, api } = await start();
    const customer = (await api('POST', '/v1/customers')).json().id;
    const invoice = (await api('POST', '/v1/invoices', { customer })).json().id;
    const item = { customer, invoice, amount: '1', currency: 'usd' };
    for (let count = 0; count < 250; count += 1) await api('POST', '/v1/invoiceitems', item);
    expect((await api('POST', '/v1/invoiceitems', item)).status).toBe(400);
    expect(simulator.journal.all('invoiceitem')).toHaveLength(250);
  });
});

describe('the books', () => {
  it('hold a charge with its fee pending until midnight UTC two days on, then available, and say so', async () => {
    const { simulator, api } = await start();
    const stripe = connect(simulator.url);
    const customer = await stripe.buyer('b', 'pm_card_visa');
    const payment_method = simulator.journal.all('payment_method')[0]?.id ?? '';
    const charge = { amount: '1050', currency: 'usd', customer, payment_method, confirm: 'true' };
    await api('POST', '/v1/payment_intents', charge);
    // 2.9 % of 1,050 is 30.45, and 30: 60 after rounding.
    const balance = () => stripe.balance.read({ signal: new AbortController().signal });
    expect(await balance()).toEqual([{ currency: 'usd', availableMinor: 0, pendingMinor: 990 }]);
    const destination = await stripe.supplier();
    const transfer = { amount: '990', currency: 'usd', destination };
    expect((await api('POST', '/v1/transfers', transfer)).json().error.code).toBe('balance_insufficient');
    const dueMs = (Math.floor(simulator.clock.nowMs() / DAY_MS) + 2) * DAY_MS;
    simulator.clock.advanceTo(dueMs - 60_000);
    expect(await balance()).toEqual([{ currency: 'usd', availableMinor: 0, pendingMinor: 990 }]);
    simulator.clock.advanceTo(dueMs);
    expect(await balance()).toEqual([{ currency: 'usd', availableMinor: 990, pendingMinor: 0 }]);
    expect(simulator.journal.all('event').filter(({ type }) => type === 'balance.available')).toHaveLength(1);
    expect((await api('POST', '/v1/transfers', transfer)).status).toBe(200);
    expect((await api('POST', '/v1/transfers', { ...transfer, amount: '1' })).json().error.code).toBe(
      'balance_insufficient',
    );
    simulator.clock.advanceTo(0);
    expect(simulator.clock.nowMs()).toBeGreaterThanOrEqual(dueMs);
    expect(simulator.journal.check()).toEqual([]);
  });

  it('take back what is reversed, in parts, and never more than was sent', async () => {
    const { simulator, api } = await start();
    const stripe = connect(simulator.url);
    const customer = await stripe.buyer();
    const payment_method = simulator.journal.all('payment_method')[0]?.id ?? '';
    await api('POST', '/v1/payment_intents', {
      amount: '10000',
      currency: 'usd',
      customer,
      payment_method,
      confirm: 'true',
    });
    const transfer = { amount: '5000', currency: 'usd', destination: await stripe.supplier() };
    const { id } = (await api('POST', '/v1/transfers', transfer)).json();
    expect((await api('POST', `/v1/transfers/${id}/reversals`, { amount: '2000' })).status).toBe(200);
    expect((await api('POST', `/v1/transfers/${id}/reversals`, { amount: '3001' })).status).toBe(400);
    expect((await api('POST', `/v1/transfers/${id}/reversals`)).json()).toMatchObject({ amount: 3_000 });
    expect((await api('POST', `/v1/transfers/${id}/reversals`)).status).toBe(400);
    expect((await api('GET', `/v1/transfers/${id}`)).json()).toMatchObject({
      amount_reversed: 5_000,
      reversed: true,
    });
    const signal = new AbortController().signal;
    expect(await stripe.balance.read({ signal })).toEqual([
      { currency: 'usd', availableMinor: 9_680, pendingMinor: 0 },
    ]);
    expect(simulator.journal.check()).toEqual([]);
  });
});

/** A receiver of webhooks that answers with the next of `statuses`, then 200. */
async function startReceiver(statuses: number[] = []) {
  const received: { id: string; type: string; atMs: number }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const header = String(request.headers['stripe-signature']);
    const event = verifyStripeWebhook(Buffer.concat(chunks), header, [WEBHOOK_SECRET], Date.now());
    received.push({ id: event.eventId, type: event.type, atMs: Date.now() });
    response.writeHead(statuses.shift() ?? 200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

describe('a webhook', () => {
  it('is signed so that our verifier accepts it, and delivered again with growing delays until a 2xx', async () => {
    const { received, url } = await startReceiver([500, 302, 503]);
    const simulator = await startSimulator({
      webhook: { url, secret: WEBHOOK_SECRET },
      startMs: Date.parse('2030-01-01'),
    });
    await rawApi(simulator.url)('POST', '/v1/customers');
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(4);
    expect(new Set(received.map(({ id }) => id)).size).toBe(1);
    const waits = received.slice(1).map(({ atMs }, index) => atMs - (received[index]?.atMs ?? 0));
    expect((waits[2] ?? 0) - (waits[0] ?? 0)).toBeGreaterThan(300);
  });

  it('comes twice and out of order on demand', async () => {
    const { received, url } = await startReceiver([500, 500, 500, 500]);
    const simulator = await startSimulator({ webhook: { url, secret: WEBHOOK_SECRET } });
    simulator.faults.deliverTwiceShuffled(true);
    const api = rawApi(simulator.url);
    for (let count = 0; count < 10; count += 1) await api('POST', '/v1/customers');
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(24);
    const made = simulator.journal.all('event').map(({ id }) => id);
    expect(new Set(received.map(({ id }) => id))).toEqual(new Set(made));
    const firsts = [...new Set(received.slice(4).map(({ id }) => id))];
    expect(firsts).not.toEqual(made);
  });

  it('that could not be delivered before the simulator stopped is delivered by the next one', async () => {
    const { received, url } = await startReceiver();
    const dataDir = temporaryDirectory();
    const dead = { url: 'http://127.0.0.1:9/', secret: WEBHOOK_SECRET };
    const first = await startSimulator({ dataDir, webhook: dead });
    await rawApi(first.url)('POST', '/v1/customers');
    await first.close();
    await startSimulator({ dataDir, webhook: { url, secret: WEBHOOK_SECRET } });
    await expect
      .poll(() => received.map(({ type }) => type), { timeout: 10_000 })
      .toEqual(['customer.created']);
  });
});

async function spawnSimulator(dataDir: string): Promise<{ child: ChildProcess; url: string }> {
  const args = ['sandbox/stripe/run.ts', '--data', dataDir, '--key', SECRET_KEY];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.stdout === null) throw new Error('The simulator has no output.');
  for await (const line of createInterface(child.stdout)) return { child, url: String(JSON.parse(line).url) };
  throw new Error('The simulator did not start.');
}

async function simControl(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/_sim/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

describe('a simulator process', () => {
  it('that is killed in the middle of its work loses nothing that it answered, and makes nothing twice', async () => {
    const dataDir = temporaryDirectory();
    let { child, url } = await spawnSimulator(dataDir);
    const { buyer, supplier } = connect(url);
    const customer = await buyer();
    const destination = await supplier();
    const methods = (await simControl(url, 'GET', 'state?kind=payment_method')).data as { id: string }[];
    const payment_method = methods[0]?.id ?? '';
    await rawApi(url)('POST', '/v1/payment_intents', {
      amount: '90000000',
      currency: 'usd',
      customer,
      payment_method,
      confirm: 'true',
    });
    const answered = new Map<string, string>();
    const total = 120;
    const send = async (key: string) => {
      const form = { amount: '100', currency: 'usd', destination, transfer_group: key };
      const id = (await rawApi(url)('POST', '/v1/transfers', form, key)).json().id;
      expect(answered.get(key) ?? id).toBe(id);
      answered.set(key, id);
    };
    const sendAll = async (lane: number) => {
      for (let n = lane; n < total; n += 4) await send(`k${n}`);
    };
    for (let kills = 0; kills < 3; kills += 1) {
      const exit = once(child, 'exit');
      const goal = answered.size + 20;
      const lanes = [0, 1, 2, 3].map((lane) => sendAll(lane).catch(() => undefined));
      await expect.poll(() => answered.size, { timeout: 20_000, interval: 5 }).toBeGreaterThan(goal);
      child.kill('SIGKILL');
      await Promise.all([exit, ...lanes]);
      ({ child, url } = await spawnSimulator(dataDir));
    }
    await Promise.all([0, 1, 2, 3].map(sendAll));
    const transfers = (await simControl(url, 'GET', 'state?kind=transfer')).data as Transfer[];
    expect(transfers).toHaveLength(total);
    expect(new Map(transfers.map(({ transfer_group, id }) => [transfer_group, id]))).toEqual(answered);
    const { problems } = await simControl(url, 'GET', 'state');
    expect(problems).toEqual([]);
  });

  it('is steered from outside: its clock moves on and stays there, its faults come and go, its keys are forgotten', async () => {
    const dataDir = temporaryDirectory();
    const { child, url } = await spawnSimulator(dataDir);
    const goalMs = Date.now() + 10 * DAY_MS;
    await simControl(url, 'POST', 'clock', { nowMs: goalMs });
    await simControl(url, 'POST', 'faults', { kind: 'rate-limit', count: 100 });
    expect((await rawApi(url)('POST', '/v1/customers', {}, 'k1')).status).toBe(429);
    await simControl(url, 'DELETE', 'faults');
    expect((await rawApi(url)('POST', '/v1/customers', {}, 'k1')).status).toBe(200);
    expect(await simControl(url, 'POST', 'keys/prune', { everything: true })).toEqual({ pruned: 1 });
    expect((await rawApi(url)('POST', '/v1/customers', {}, 'k1')).replayed).toBe(false);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    const again = await spawnSimulator(dataDir);
    expect((await simControl(again.url, 'GET', 'clock')).nowMs).toBeGreaterThanOrEqual(goalMs);
  });
});
