import { expect, test } from 'vitest';
import { createTestApp, post } from '../helpers/app.ts';
import { BODIES, NOW_MS, SENDERS, STAMPED, signers } from '../helpers/senders.ts';

test.each(SENDERS)('a signed webhook of %s is enqueued and accepted', async (sender) => {
  const { app, calls, stripeEvents } = await createTestApp();
  const answer = await post(app, signers[sender](BODIES[sender]));
  expect(answer.statusCode).toBe(sender === 'twilio' ? 200 : 202);
  expect(answer.body).toBe(sender === 'twilio' ? '<Response/>' : '{"accepted":true}');
  expect(calls.length + stripeEvents.length).toBe(1);
});

test('what is enqueued is the raw body in base64 with source, kind, id and time of receipt', async () => {
  const { app, calls, stripeEvents } = await createTestApp();
  await post(app, signers.standard(BODIES.standard));
  await post(app, signers.callrail(BODIES.callrail));
  await post(app, signers.stripe(BODIES.stripe));
  expect(calls).toEqual([
    {
      source: 'acme',
      kind: 'call.completed',
      eventId: 'msg_1',
      receivedAtMs: NOW_MS,
      body: BODIES.standard.toString('base64'),
    },
    {
      source: 'callrail',
      kind: 'post_call',
      eventId: expect.stringContaining('766970532.'),
      receivedAtMs: NOW_MS,
      body: BODIES.callrail.toString('base64'),
    },
  ]);
  expect(stripeEvents).toEqual([
    expect.objectContaining({
      eventId: 'evt_1',
      type: 'invoice.paid',
      objectId: 'in_1',
      createdMs: NOW_MS,
      receivedAtMs: NOW_MS,
    }),
  ]);
});

test.each(SENDERS)(
  'each flipped byte of a signed body of %s is refused, and nothing is enqueued',
  async (sender) => {
    const { app, calls, stripeEvents } = await createTestApp();
    const delivery = signers[sender](BODIES[sender]);
    const statuses = new Map<number, number>();
    for (let at = 0; at < delivery.body.length; at += 1) {
      const body = Buffer.from(delivery.body);
      body[at] = (body[at] ?? 0) ^ (1 << (at % 8));
      // Twilio signs what a form says, and `%2b` says what `%2B` does.
      if (sender === 'twilio' && sayTheSame(body, delivery.body)) continue;
      const { statusCode } = await post(app, { ...delivery, body });
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
    }
    expect([...statuses.keys()]).toEqual([401]);
    expect(statuses.get(401)).toBeGreaterThan(delivery.body.length - 3);
    expect([...calls, ...stripeEvents]).toEqual([]);
  },
);

const sayTheSame = (one: Buffer, other: Buffer) =>
  new URLSearchParams(one.toString()).toString() === new URLSearchParams(other.toString()).toString();

test.each(SENDERS)('each changed character of a signature header of %s is refused', async (sender) => {
  const { app, calls, stripeEvents } = await createTestApp();
  const delivery = signers[sender](BODIES[sender]);
  for (const [name, value] of Object.entries(delivery.headers).filter(([key]) => key !== 'content-type')) {
    for (let at = 0; at < value.length; at += 1) {
      const changed = `${value.slice(0, at)}${value[at] === 'A' ? 'B' : 'A'}${value.slice(at + 1)}`;
      const { statusCode } = await post(app, {
        ...delivery,
        headers: { ...delivery.headers, [name]: changed },
      });
      expect([name, at, statusCode]).toEqual([name, at, 401]);
    }
    expect((await post(app, { ...delivery, headers: { ...delivery.headers, [name]: '' } })).statusCode).toBe(
      401,
    );
  }
  expect([...calls, ...stripeEvents]).toEqual([]);
});

test.each(SENDERS.filter((sender) => sender !== 'twilio'))(
  'the same JSON written anew is refused for %s',
  async (sender) => {
    const { app } = await createTestApp();
    const body = Buffer.from(JSON.stringify(JSON.parse(BODIES[sender].toString()), null, 1));
    expect((await post(app, { ...signers[sender](BODIES[sender]), body })).statusCode).toBe(401);
  },
);

test.each(SENDERS)('%s may sign with the new or the old secret, and with no other', async (sender) => {
  const { app } = await createTestApp();
  const statusWith = async (which: 'old' | 'other') =>
    (await post(app, signers[sender](BODIES[sender], { which }))).statusCode;
  expect([200, 202]).toContain(await statusWith('old'));
  expect(await statusWith('other')).toBe(401);
});

test('a valid delivery of one sender is no delivery of another', async () => {
  const { app } = await createTestApp();
  const deliveries = SENDERS.map((sender) => signers[sender](BODIES[sender]));
  for (const { url } of deliveries)
    for (const delivery of deliveries)
      if (delivery.url !== url) expect((await post(app, { ...delivery, url })).statusCode).toBe(401);
});

test.each(STAMPED)('299 seconds from now are accepted of %s and 301 are not, both ways', async (sender) => {
  const { app } = await createTestApp();
  const statusAt = async (seconds: number) =>
    (await post(app, signers[sender](BODIES[sender], { sentAtMs: NOW_MS + seconds * 1_000 }))).statusCode;
  expect(await Promise.all([-301, -299, 299, 301].map(statusAt))).toEqual([401, 202, 202, 401]);
});

test.each(['standard', 'ed25519', 'hmac'] as const)(
  'id and stamp of %s in the place of each other are refused',
  async (sender) => {
    const { app } = await createTestApp();
    const good = signers[sender](BODIES[sender]);
    const [id = '', stamp = ''] = Object.keys(good.headers);
    const swapped = { ...good.headers, [id]: good.headers[stamp] ?? '', [stamp]: good.headers[id] ?? '' };
    expect((await post(app, { ...good, headers: swapped })).statusCode).toBe(401);
  },
);
