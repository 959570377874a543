import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ApiError, codeOf, type OutageError } from '../../src/errors.ts';
import { createPlaces, type PlacesOptions } from '../../src/integrations/analytics/places.ts';
import { type EventSinks, openEventSinks } from '../../src/integrations/analytics/sinks.ts';
import { EVENTS, event, id, KINDS } from '../helpers/business-events.ts';
import { type EventReceiver, startEventReceiver } from '../helpers/event-receiver.ts';

const SECRETS = ['newest', 'older'].map((word) => `whsec_${Buffer.from(word.repeat(6)).toString('base64')}`);
let receiver: EventReceiver;
let sibling: EventReceiver;
let sinks: EventSinks;
let failures: string[];
let circuits: string[];

const open = (
  given: { timeoutMs?: number; secrets?: readonly string[]; openMs?: number; places?: PlacesOptions } = {},
) =>
  openEventSinks(
    {
      posthog: { key: 'phc_not-a-key', host: receiver.origin },
      webhooks: [
        { name: 'one', url: receiver.url, secrets: given.secrets ?? SECRETS },
        { name: 'two', url: sibling.url, secrets: SECRETS },
      ],
    },
    (provider) => ({
      ...(given.timeoutMs === undefined ? {} : { timeoutMs: given.timeoutMs }),
      ...(given.places === undefined ? {} : { places: given.places }),
      onFailure: ({ operation, code }) => failures.push(`${provider} ${operation} ${code}`),
      circuit: {
        ...{ failures: 3, openMs: given.openMs ?? 60_000 },
        onChange: (isOpen) => circuits.push(`${provider} ${isOpen}`),
      },
    }),
  );
const deliver = (sink = 'webhook-one', given: unknown = event()) =>
  sinks.deliver(sink, given, new AbortController().signal);
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

beforeEach(async () => {
  failures = [];
  circuits = [];
  [receiver, sibling] = await Promise.all([startEventReceiver(), startEventReceiver()]);
  sinks = open();
});
afterEach(() => Promise.all([receiver.close(), sibling.close()]));

describe('an event to an endpoint', () => {
  test.each(KINDS)('%s says what happened, when, and with which ids and amounts', async (kind) => {
    expect(await deliver('webhook-one', event(kind))).toBe('delivered');
    const [{ body, headers } = { body: '', headers: {} }] = receiver.received;
    expect(JSON.parse(body)).toEqual({
      type: kind,
      timestamp: '2026-11-02T12:00:00.000Z',
      data: EVENTS[kind],
    });
    expect(headers['content-type']).toBe('application/json');
    expect(failures).toEqual([]);
  });

  test('is signed with every secret, each of which the library of Standard Webhooks takes', async () => {
    await deliver();
    const [{ body, headers } = { body: '', headers: {} }] = receiver.received;
    const given = z.record(z.string(), z.string()).parse(headers);
    for (const secret of SECRETS)
      expect(new Webhook(secret).verify(body, given)).toMatchObject({ type: 'call.qualified' });
    const stranger = new Webhook(`whsec_${Buffer.from('stranger'.repeat(4)).toString('base64')}`);
    expect(() => stranger.verify(body, given)).toThrow();
    expect(() => new Webhook(SECRETS[0] ?? '').verify(`${body} `, given)).toThrow();
  });

  test('has the same webhook-id each time it is sent', async () => {
    await deliver();
    await deliver();
    await deliver('webhook-one', event('call.qualified', id(10)));
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([id(9), id(9), id(10)]);
  });

  test.each([301, 400, 401, 404, 500, 503])(
    'that is answered %i was not taken, and comes again',
    async (status) => {
      receiver.behaves.status = status;
      receiver.behaves.headers = { location: sibling.url };
      expect(await failureOf(deliver())).toMatchObject({ name: 'ApiError', statusCode: status });
      expect(failures).toHaveLength(1);
      // A redirect is not followed: it could lead anywhere.
      expect(sibling.received).toEqual([]);
      receiver.behaves.status = 204;
      expect(await deliver()).toBe('delivered');
    },
  );

  test('that is answered 410 is not wanted any more', async () => {
    receiver.behaves.status = 410;
    expect(await deliver()).toBe('gone');
  });

  test('that is answered 429 waits for as long as it was told, and uses no attempt', async () => {
    receiver.behaves.status = 429;
    receiver.behaves.headers = { 'retry-after': '17' };
    expect(await failureOf(deliver())).toMatchObject({ name: 'OutageError', retryAfterMs: 17_000 });
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    receiver.behaves.headers = { 'retry-after': inAMinute };
    const dated = await failureOf(deliver());
    expect(dated).toMatchObject({ name: 'OutageError', isAsked: true });
    expect((dated as OutageError).retryAfterMs).toBeGreaterThan(50_000);
    for (const nothing of ['soon', '0']) {
      receiver.behaves.headers = { 'retry-after': nothing };
      expect(await failureOf(deliver())).toMatchObject({ name: 'OutageError', isAsked: false });
    }
  });

  test('that nobody answers in time was not taken', async () => {
    sinks = open({ timeoutMs: 30 });
    receiver.behaves.hangs = true;
    expect(await failureOf(deliver())).toMatchObject({ name: 'ApiError', code: 'PROVIDER_UNAVAILABLE' });
  });

  test('waits in the queue when its endpoint is slow and has two under way, and those of others do not', async () => {
    let nowMs = 0;
    sinks = open({ places: { nowMs: () => nowMs } });
    receiver.behaves.hangs = true;
    const first = deliver();
    await expect.poll(() => receiver.received.length).toBe(1);
    nowMs = 14_000;
    receiver.release();
    expect(await first).toBe('delivered');
    // It was slow: from now on two at a time.
    const two = [deliver(), deliver()];
    expect(await failureOf(deliver())).toMatchObject({ name: 'OutageError', detail: { sent: false } });
    await expect.poll(() => receiver.received.length).toBe(3);
    expect(await deliver('webhook-two')).toBe('delivered');
    receiver.release();
    await Promise.all(two);
    // It is fast again, and has no limit.
    receiver.behaves.hangs = false;
    const many = Array.from({ length: 8 }, () => deliver());
    expect(await Promise.all(many)).toEqual(many.map(() => 'delivered'));
    expect(failures).toEqual([]);
  });

  test('finds a place at an endpoint that never answers only while fewer than two wait for it', async () => {
    let nowMs = 0;
    const places = createPlaces({ nowMs: () => nowMs });
    const leave = [places.enter(), places.enter(), places.enter()];
    expect(leave).not.toContain(null);
    nowMs = 3_000;
    expect(places.enter()).toBeNull();
    for (const one of leave) one?.(true);
    // What was not sent, because its circuit is open, says nothing of how soon it answers.
    places.enter()?.(false);
    expect([places.enter(), places.enter(), places.enter()].map((one) => one === null)).toEqual([
      ...[false, false, true],
    ]);
  });

  test('that is aborted ends with the reason of whoever aborted it', async () => {
    receiver.behaves.hangs = true;
    const reason = new Error('the worker stops');
    expect(await failureOf(sinks.deliver('webhook-one', event(), AbortSignal.abort(reason)))).toBe(reason);
    expect(failures).toEqual([]);
  });

  test('of which nothing is known here is told to nobody', async () => {
    expect(await deliver('webhook-three')).toBe('not_configured');
    expect(
      codeOf(await failureOf(deliver('webhook-one', { id: id(1), kind: 'caller.named' })), 'INTERNAL'),
    ).toBe('PAYLOAD_INVALID');
    expect(receiver.received).toEqual([]);
  });
});

describe('an endpoint that fails again and again', () => {
  test('is left alone for a while, and its sibling is told all the same', async () => {
    receiver.behaves.status = 500;
    for (const _ of [1, 2, 3]) expect(await failureOf(deliver())).toBeInstanceOf(ApiError);
    expect(await failureOf(deliver())).toMatchObject({ name: 'OutageError', detail: { sent: false } });
    expect(receiver.received).toHaveLength(3);
    expect(await deliver('webhook-two')).toBe('delivered');
    expect(circuits).toEqual(['webhook-one false', 'webhook-two false', 'webhook-one true']);
  });

  test('is not left alone for events that it refuses for what they are', async () => {
    // Also between failures: it is three in a row that count.
    for (const status of [500, 500, 422, 500, 422, 422, 422]) {
      receiver.behaves.status = status;
      expect(await failureOf(deliver())).toBeInstanceOf(ApiError);
    }
    expect(receiver.received).toHaveLength(7);
  });

  test('is tried again after that time', async () => {
    sinks = open({ openMs: 1 });
    receiver.behaves.status = 500;
    for (const _ of [1, 2, 3]) await failureOf(deliver());
    receiver.behaves.status = 200;
    await expect.poll(() => failureOf(deliver())).toBe(null);
  });
});

describe('events to PostHog', () => {
  const batches = () =>
    receiver.received.map(({ body }) =>
      z.object({ api_key: z.string(), batch: z.array(z.looseObject({})) }).parse(JSON.parse(body)),
    );

  test('go in one request, each under its own id and time, and with the allowed properties alone', async () => {
    expect(await sinks.capture(KINDS.map((kind, n) => event(kind, id(20 + n))))).toEqual(
      KINDS.map(() => 'taken'),
    );
    const [{ api_key, batch } = { api_key: '', batch: [] }, ...more] = batches();
    expect(more).toEqual([]);
    expect(api_key).toBe('phc_not-a-key');
    const ours = {
      $process_person_profile: false,
      $lib: 'posthog-node',
      $lib_version: expect.any(String),
      $geoip_disable: true,
    };
    expect(batch).toEqual(
      KINDS.map((kind, n) =>
        expect.objectContaining({
          ...{ event: kind, uuid: id(20 + n), timestamp: '2026-11-02T12:00:00.000Z' },
          properties: { ...EVENTS[kind], ...ours, $is_server: true },
        }),
      ),
    );
    expect(batch.map(({ distinct_id }) => distinct_id)).toEqual([id(4), id(3), id(4), 'exchange']);
  });

  test('are taken but for the one that is none', async () => {
    const results = await sinks.capture([event(), { id: id(1) }, event('payout.sent', id(10))]);
    expect(results.map((result) => (result instanceof Error ? codeOf(result, 'INTERNAL') : result))).toEqual([
      'taken',
      'PAYLOAD_INVALID',
      'taken',
    ]);
    expect(batches()[0]?.batch).toHaveLength(2);
  });

  test.each([
    [401, 'ApiError', 'PROVIDER_REFUSED'],
    [500, 'OutageError', 'PROVIDER_UNAVAILABLE'],
    [429, 'OutageError', 'PROVIDER_UNAVAILABLE'],
  ])('that it answers with %i come again by their rows, and by nothing else', async (status, name, code) => {
    receiver.behaves.status = status;
    expect(await sinks.capture([event(), event('payout.sent')])).toMatchObject([
      { name, code },
      { name, code },
    ]);
    expect(receiver.received).toHaveLength(1);
    expect(failures).toEqual([`posthog batch ${code}`]);
    receiver.behaves.status = 200;
    await sinks.capture([event()]);
    expect(batches().map(({ batch }) => batch.length)).toEqual([2, 1]);
  });

  test('wait while it cannot be reached or does not answer, and are not sent twice when it does', async () => {
    sinks = open({ timeoutMs: 1_000 });
    receiver.behaves.hangs = true;
    expect(await sinks.capture([event()])).toMatchObject([{ name: 'OutageError' }]);
    receiver.behaves.hangs = false;
    expect(await sinks.capture([event()])).toEqual(['taken']);
    expect(batches().map(({ batch }) => batch.length)).toEqual([1, 1]);
  });

  test('fail alone: endpoints are told all the same', async () => {
    receiver.behaves.status = 500;
    expect(await sinks.capture([event()])).toMatchObject([{ name: 'OutageError' }]);
    expect(await deliver('webhook-two')).toBe('delivered');
  });
});

test('who is told is known by a digest of the address, which changes with it', () => {
  const names = sinks.configured.map(({ name }) => name);
  expect(names).toEqual(['posthog', 'webhook-one', 'webhook-two']);
  expect(new Set(sinks.configured.map(({ addressHash }) => addressHash)).size).toBe(3);
  expect(JSON.stringify(sinks.configured)).not.toContain('127.0.0.1');
});
