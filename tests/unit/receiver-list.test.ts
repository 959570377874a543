import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { UNSIGNED_SOURCES } from '../../src/config-receivers.ts';
import { VARIABLES } from '../../src/config-variables.ts';
import type { Delivery, Receiver } from '../../src/http/receivers/receiver.ts';
import { receivers } from '../../src/http/receivers/registry.ts';
import { createTestApp, OPS_PASSWORD, post } from '../helpers/app.ts';
import { RECEIVERS_FILE, renderReceiversDoc } from '../helpers/receivers-doc.ts';
import { BODIES, NOW_MS, SECRETS, SENDERS, signers, unsigned } from '../helpers/senders.ts';

const deliveries = [
  ...SENDERS.map((sender) => signers[sender](BODIES[sender])),
  ...UNSIGNED_SOURCES.map((source) => unsigned(source, Buffer.from('{"anything":1}'))),
];

/** The receiver that the test's routes give it to. */
function receiverOf(url: string): { receiver: Receiver; param: string } {
  for (const receiver of receivers) {
    const [fixed = ''] = receiver.path.split(':');
    const isIt = receiver.path.includes(':')
      ? url.startsWith(fixed) && !url.slice(fixed.length).includes('/')
      : url === fixed;
    if (isIt) return { receiver, param: url.slice(fixed.length) };
  }
  throw new Error(url);
}

test('docs/receivers.md is what the code says', () => {
  expect(readFileSync(RECEIVERS_FILE, 'utf8')).toBe(renderReceiversDoc());
});

test('every receiver has a good delivery here, and variables that exist', () => {
  const reached = new Set(deliveries.map(({ url }) => receiverOf(url).receiver));
  expect(reached.size).toBe(receivers.length);
  for (const { variables } of receivers)
    for (const name of variables) expect(Object.keys(VARIABLES)).toContain(name);
});

test('a receiver reads the headers that its row names, all of them and no other', () => {
  for (const { url, body, headers } of deliveries) {
    const { receiver, param } = receiverOf(url);
    const read = new Set<string>();
    const header = (name: string) => {
      read.add(name);
      return headers[name];
    };
    const delivery: Delivery = { body, target: url, param: () => param, header };
    receiver.take(delivery, SECRETS, NOW_MS);
    const declared =
      receiver.name === 'hmac' ? ['x-own-id', 'x-own-signature', 'x-own-time'] : receiver.headers;
    expect([...read].sort()).toEqual([...declared].sort());
  }
});

test.each(receivers)(
  'a throw in the receiver $name is one 500 of ours, logged and counted, and its siblings go on',
  async (broken) => {
    const take = () => {
      throw new TypeError('canary of the inside');
    };
    const { app, logLines } = await createTestApp({
      receivers: receivers.map((receiver) => (receiver === broken ? { ...broken, take } : receiver)),
    });
    const answers = await Promise.all(
      deliveries.map(async (delivery) => {
        const { statusCode, body } = await post(app, delivery);
        return { own: receiverOf(delivery.url).receiver === broken, statusCode, body };
      }),
    );
    for (const { own, statusCode, body } of answers) {
      expect(statusCode >= 500).toBe(own);
      expect(body).not.toContain('canary');
      if (own) expect(JSON.parse(body)).toMatchObject({ error: { code: 'INTERNAL' } });
    }
    expect(logLines.join('')).toContain('canary of the inside');
    expect(logLines.join('')).toContain(`The receiver ${broken.name} failed.`);
    const authorization = `Basic ${Buffer.from(`ops:${OPS_PASSWORD}`).toString('base64')}`;
    const metrics = (await app.inject({ method: 'GET', url: '/metrics', headers: { authorization } })).body;
    const source = { standard: 'acme', hmac: 'own' }[broken.name] ?? broken.name;
    expect(metrics).toContain(`callclear_webhook_answers_total{source="${source}",status="500"} 1`);
  },
);
