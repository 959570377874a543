import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseEvent } from '../../src/integrations/analytics/business-event.ts';
import { type EventSinks, openEventSinks } from '../../src/integrations/analytics/sinks.ts';
import { EVENTS, event, KINDS } from '../helpers/business-events.ts';
import { type EventReceiver, startEventReceiver } from '../helpers/event-receiver.ts';

const SECRET = `whsec_${Buffer.from('secret'.repeat(5)).toString('base64')}`;
let receiver: EventReceiver;
let sinks: EventSinks;
let failures: unknown[];

beforeEach(async () => {
  failures = [];
  receiver = await startEventReceiver();
  sinks = openEventSinks(
    {
      posthog: { key: 'phc_not-a-key', host: receiver.origin },
      webhooks: [{ name: 'one', url: receiver.url, secrets: [SECRET] }],
    },
    () => ({ onFailure: (failure) => failures.push(failure) }),
  );
});
afterEach(() => receiver.close());

const deliver = (given: unknown) => sinks.deliver('webhook-one', given, new AbortController().signal);

const phone = fc.integer({ min: 2_010_000_000, max: 9_899_999_999 }).map((digits) => `+1${digits}`);
const name = fc.constantFrom(
  'callerNumber',
  'caller_number',
  'trackingNumber',
  'note',
  'email',
  'name',
  '$set',
  'kind_',
);

test('no number of a telephone gets into a body, wherever in an event one is put', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...KINDS),
      phone,
      name,
      fc.boolean(),
      async (kind, number, field, isInside) => {
        receiver.received.length = 0;
        const nested = { [field]: number, deeper: { [field]: [number] } };
        const plain = event(kind, randomUUID());
        const given = isInside ? { ...plain, data: { ...plain.data, ...nested } } : { ...plain, ...nested };
        await deliver(given);
        await sinks.capture([given]);
        expect(receiver.received).toHaveLength(2);
        for (const { body, headers } of receiver.received) {
          expect(body).not.toContain(number.slice(1));
          expect(JSON.stringify(headers)).not.toContain(number.slice(1));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('no text field takes one, so that such an event is refused whole', () => {
  const texts = KINDS.flatMap((kind) =>
    Object.entries(EVENTS[kind]).flatMap(([field, value]) =>
      typeof value === 'string' ? [[kind, field] as const] : [],
    ),
  );
  expect(texts.length).toBeGreaterThan(10);
  for (const [kind, field] of texts)
    for (const number of ['+12127361234', '12127361234', '2127361234']) {
      const given = { ...event(kind), data: { ...EVENTS[kind], [field]: number } };
      expect(() => parseEvent(given), `${kind} ${field}`).toThrow(
        expect.objectContaining({ code: 'PAYLOAD_INVALID' }),
      );
    }
});

test('neither an address nor a secret stands in what is told of a failure', async () => {
  receiver.behaves.status = 500;
  const error = await deliver(event()).catch((thrown: unknown) => thrown);
  const text = JSON.stringify([String(error), error, failures]);
  for (const secret of [SECRET, receiver.url]) expect(text).not.toContain(secret);
});
