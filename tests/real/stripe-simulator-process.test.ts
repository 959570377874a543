import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
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

/** A receiver of webhooks that answers with the next of `statuses`, then 200, and nobody before it is `open`. */
async function startReceiver(statuses: number[] = [], open: Promise<void> = Promise.resolve()) {
  const received: { id: string; type: string; atMs: number }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const header = String(request.headers['stripe-signature']);
    const event = verifyStripeWebhook(Buffer.concat(chunks), header, [WEBHOOK_SECRET], Date.now());
    received.push({ id: event.eventId, type: event.type, atMs: Date.now() });
    await open;
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

it('a webhook is signed so that our verifier accepts it, and delivered again with growing delays until a 2xx', async () => {
  const { received, url } = await startReceiver([500, 302, 503]);
  const simulator = await startSimulator({
    webhook: { url, secret: WEBHOOK_SECRET },
    startMs: Date.parse('2030-01-01'),
  });
  await rawApi(simulator.url)('POST', '/v1/customers');
  await expect.poll(() => received.length, { timeout: 30_000 }).toBe(4);
  expect(new Set(received.map(({ id }) => id)).size).toBe(1);
  const waits = received.slice(1).map(({ atMs }, index) => atMs - (received[index]?.atMs ?? 0));
  // Later than that they may come, on a loaded machine.
  for (const [index, waitMs] of waits.entries()) expect(waitMs).toBeGreaterThan(240 * 2 ** index);
});

it('a webhook comes twice and out of order on demand', async () => {
  const made10 = Promise.withResolvers<void>();
  const { received, url } = await startReceiver([500, 500, 500, 500], made10.promise);
  const simulator = await startSimulator({ webhook: { url, secret: WEBHOOK_SECRET } });
  simulator.faults.deliverTwiceShuffled(true);
  const api = rawApi(simulator.url);
  for (let count = 0; count < 10; count += 1) await api('POST', '/v1/customers');
  made10.resolve();
  await expect.poll(() => received.length, { timeout: 30_000 }).toBe(24);
  const made = simulator.journal.all('event').map(({ id }) => id);
  expect(new Set(received.map(({ id }) => id))).toEqual(new Set(made));
  const firsts = [...new Set(received.slice(4).map(({ id }) => id))];
  expect(firsts).not.toEqual(made);
});

it('a webhook that could not be delivered before the simulator stopped is delivered by the next one', async () => {
  const { received, url } = await startReceiver();
  const dataDir = temporaryDirectory();
  const dead = { url: 'http://127.0.0.1:9/', secret: WEBHOOK_SECRET };
  const first = await startSimulator({ dataDir, webhook: dead });
  await rawApi(first.url)('POST', '/v1/customers');
  await first.close();
  await startSimulator({ dataDir, webhook: { url, secret: WEBHOOK_SECRET } });
  await expect
    .poll(() => received.map(({ type }) => type), { timeout: 30_000 })
    .toEqual(['customer.created']);
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

it('a simulator process that is killed in the middle of its work loses nothing that it answered, and makes nothing twice', async () => {
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
  /** Called with each new answer. */
  let onAnswer = (): void => undefined;
  const send = async (key: string) => {
    const form = { amount: '100', currency: 'usd', destination, transfer_group: key };
    const id = (await rawApi(url)('POST', '/v1/transfers', form, key)).json().id;
    expect(answered.get(key) ?? id).toBe(id);
    answered.set(key, id);
    onAnswer();
  };
  const sendAll = async (lane: number) => {
    for (let n = lane; n < total; n += 4) await send(`k${n}`);
  };
  for (let kills = 0; kills < 3; kills += 1) {
    const exit = once(child, 'exit');
    const goal = answered.size + 20;
    onAnswer = () => {
      if (answered.size > goal) child.kill('SIGKILL');
    };
    const lanes = [0, 1, 2, 3].map((lane) => sendAll(lane).catch(() => undefined));
    await Promise.all([exit, ...lanes]);
    onAnswer = () => undefined;
    ({ child, url } = await spawnSimulator(dataDir));
  }
  await Promise.all([0, 1, 2, 3].map(sendAll));
  const transfers = (await simControl(url, 'GET', 'state?kind=transfer')).data as Transfer[];
  expect(transfers).toHaveLength(total);
  expect(new Map(transfers.map(({ transfer_group, id }) => [transfer_group, id]))).toEqual(answered);
  const { problems } = await simControl(url, 'GET', 'state');
  expect(problems).toEqual([]);
});

it('a simulator process is steered from outside: its clock moves on and stays there, its faults come and go, its keys are forgotten', async () => {
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
