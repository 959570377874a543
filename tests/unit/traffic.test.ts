import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { demoExchange } from '../../sandbox/seed.ts';
import { countPaidFor } from '../../sandbox/traffic/calls.ts';
import { callerNumber, impossibleNumber, trackingNumber } from '../../sandbox/traffic/numbers.ts';
import { type Delivery, planTraffic } from '../../sandbox/traffic/plan.ts';
import { openProgress } from '../../sandbox/traffic/progress.ts';
import { sendDeliveries } from '../../sandbox/traffic/send.ts';
import { signDelivery } from '../../sandbox/traffic/sign.ts';
import { parties } from '../../src/integrations/supabase/operations.ts';

const DATES = ['2026-11-02', '2026-11-03', '2026-11-04'];
const SECRETS = {
  callrailKey: 'a-plainly-fake-key',
  standardSecret: `whsec_${Buffer.from('a-plainly-fake-secret-of-a-sender').toString('base64')}`,
};
const { placements, parties: seeded } = demoExchange(Date.parse('2026-11-01'));
const plan = (seed: number, calls = 3_000) =>
  planTraffic({ seed, calls, fraudShare: 0.15, dates: DATES, placements });
const big = plan(7);
const calls = big.flatMap((day) => day.calls);
const deliveries = big.flatMap((day) => day.deliveries);
const shareOf = (kind: Delivery['kind']) =>
  deliveries.filter((delivery) => delivery.kind === kind).length / calls.length;

describe('the plan', () => {
  test('is the same for the same seed and another for another', () => {
    expect(plan(7)).toEqual(big);
    expect(plan(8)).not.toEqual(big);
  });

  test('has exactly as many calls as were asked for, whatever the share of bad ones', () => {
    for (const fraudShare of [0, 0.15, 0.5, 1]) {
      for (const count of [1, 2, 7, 200, 1_001]) {
        const days = planTraffic({ seed: 3, calls: count, fraudShare, dates: DATES, placements });
        const ids = days.flatMap((day) => day.calls.map((call) => `${call.source}/${call.externalId}`));
        expect(new Set(ids).size).toBe(count);
      }
    }
  });

  test('keeps the shares: bad calls, calls sent twice, forgeries and malformed bodies', () => {
    const bad = calls.filter(({ label }) => label !== 'good' && label !== 'repeat').length;
    const repeated = calls.filter(({ label }) => label === 'repeat').length / 2;
    expect((bad + repeated) / calls.length).toBeCloseTo(0.15, 2);
    expect(shareOf('twice')).toBeGreaterThan(0.035);
    expect(shareOf('twice')).toBeLessThan(0.07);
    expect(shareOf('forged')).toBeGreaterThan(0.004);
    expect(shareOf('malformed')).toBeGreaterThan(0.001);
    expect(new Set(calls.map(({ source }) => source))).toEqual(new Set(['callrail', 'demo']));
  });

  test('puts every call inside its business date and reports it on it', () => {
    for (const { date, statedAtMs, startedAtMs } of calls) {
      expect(new Date(startedAtMs).toISOString().slice(0, 10)).toBe(date);
      expect(statedAtMs + 120_000).toBeLessThan(Date.parse(date) + 23.5 * 3_600_000);
    }
  });

  test('sends some news of a call before the report that it corrects', () => {
    const seen = new Set<string>();
    let overtaking = 0;
    for (const { kind, body, source } of deliveries) {
      if (kind !== 'report' && kind !== 'modified') continue;
      const parsed = JSON.parse(body);
      const id = source === 'callrail' ? parsed.resource_id : parsed.data.call_id;
      if (kind === 'modified' && !seen.has(id)) overtaking += 1;
      if (kind === 'report') seen.add(id);
    }
    expect(overtaking).toBeGreaterThan(10);
  });

  test('pays for each honest caller once, and for each repeat caller and burst once', () => {
    const repeated = calls.filter(({ label }) => label === 'repeat').length / 2;
    const bursts = calls.filter(({ label }) => label === 'burst').length / 6;
    const good = calls.filter(({ label }) => label === 'good').length;
    expect(countPaidFor(calls)).toBe(good + repeated + bursts);
  });
});

describe('the numbers', () => {
  const isValid = (number: string) => parsePhoneNumberFromString(number)?.isValid() === true;

  test('of callers and tracking are valid, and those that cannot exist are not', () => {
    for (let index = 0; index < 5_000; index += 7) {
      expect(isValid(callerNumber(index)), callerNumber(index)).toBe(true);
      expect(isValid(impossibleNumber(index)), impossibleNumber(index)).toBe(false);
    }
    expect(placements.every((placement) => isValid(placement.trackingNumber))).toBe(true);
    expect(isValid(trackingNumber(500))).toBe(true);
  });
});

test("the demo's exchange is one that can be imported, with the same ids each time", () => {
  expect(parties.parse(seeded)).toEqual(seeded);
  expect(demoExchange(Date.parse('2026-11-01')).parties).toEqual(seeded);
});

describe('a signature', () => {
  const now = Date.now();
  const first = (source: Delivery['source'], kind: Delivery['kind']) => {
    const found = deliveries.find((delivery) => delivery.source === source && delivery.kind === kind);
    if (found === undefined) throw new Error(`the plan has no ${kind} of ${source}`);
    return found;
  };

  test('of Standard Webhooks is one that its own library accepts, and a forgery is not', () => {
    const webhook = new Webhook(SECRETS.standardSecret);
    const good = signDelivery(first('demo', 'report'), SECRETS, now);
    expect(webhook.verify(good.body, { ...good.headers })).toEqual(JSON.parse(good.body));
    const forged = signDelivery(first('demo', 'forged'), SECRETS, now);
    expect(() => webhook.verify(forged.body, { ...forged.headers })).toThrow();
  });

  test('of CallRail is the base64 of HMAC-SHA1 over the raw body, and a forgery is not', () => {
    const expected = (body: string) => createHmac('sha1', SECRETS.callrailKey).update(body).digest('base64');
    const good = signDelivery(first('callrail', 'report'), SECRETS, now);
    expect(good.headers.signature).toBe(expected(good.body));
    const forged = signDelivery(first('callrail', 'forged'), SECRETS, now);
    expect(forged.headers.signature).not.toBe(expected(forged.body));
  });
});

describe('sending', () => {
  const baseUrl = 'http://receiver.example';
  const server = setupServer();
  let folder = '';
  const received: string[] = [];
  const keyOf = (request: Request, body: string) =>
    request.headers.get('webhook-id') ?? `${new URL(request.url).pathname} ${body}`;
  beforeAll(async () => {
    server.listen({ onUnhandledFrame: 'error' });
    folder = await mkdtemp(join(tmpdir(), 'callclear-traffic-'));
  });
  afterEach(() => {
    server.resetHandlers();
    received.length = 0;
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const day = plan(5, 60)[0]?.deliveries.filter(({ expected }) => expected === 202) ?? [];
  const options = { deliveries: day, from: 0, baseUrl, secrets: SECRETS, retryMs: 1 };

  test('tries again after 503 and after a broken connection until each webhook is answered', async () => {
    const tries = new Map<string, number>();
    server.use(
      http.post(`${baseUrl}/*`, async ({ request }) => {
        const key = keyOf(request, await request.text());
        tries.set(key, (tries.get(key) ?? 0) + 1);
        if (tries.get(key) === 1) return HttpResponse.json({}, { status: 503 });
        if (tries.get(key) === 2) return HttpResponse.error();
        return HttpResponse.json({ accepted: true }, { status: 202 });
      }),
    );
    const progress = openProgress(join(folder, 'retries.json'));
    expect(await sendDeliveries({ ...options, progress })).toEqual({ answered: day.length, surprises: [] });
    expect(await progress.read()).toEqual({ answered: day.length, surprises: [] });
  });

  test('that was cut off goes on where it was and leaves no call out', async () => {
    let limit = 9;
    server.use(
      http.post(`${baseUrl}/*`, async ({ request }) => {
        if (limit-- <= 0) return HttpResponse.error();
        received.push(keyOf(request, await request.text()));
        return HttpResponse.json({ accepted: true }, { status: 202 });
      }),
    );
    const progress = openProgress(join(folder, 'resumed.json'));
    await expect(sendDeliveries({ ...options, progress, tries: 2, concurrency: 4 })).rejects.toThrow();
    limit = Number.POSITIVE_INFINITY;
    await sendDeliveries({ ...options, progress });
    const wanted = new Set(
      day.map(({ source, event, eventId, body }) =>
        source === 'callrail' ? `/webhooks/callrail/${event} ${body}` : eventId,
      ),
    );
    expect(new Set(received)).toEqual(wanted);
    const before = received.length;
    await sendDeliveries({ ...options, progress });
    expect(received.length).toBe(before);
  });

  test('tells every answer that is not the expected one', async () => {
    server.use(http.post(`${baseUrl}/*`, () => HttpResponse.json({}, { status: 202 })));
    const forged = deliveries.filter(({ kind }) => kind === 'forged').slice(0, 3);
    const progress = openProgress(join(folder, 'surprises.json'));
    const { surprises } = await sendDeliveries({ ...options, deliveries: forged, progress });
    expect(surprises.map(({ kind, statusCode }) => [kind, statusCode])).toEqual(
      forged.map(() => ['forged', 202]),
    );
  });
});
