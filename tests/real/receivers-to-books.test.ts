import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CallEvent } from '../../src/http/receivers.ts';
import { createTestApp, post } from '../helpers/app.ts';
import { type House, keepServer, openHouse } from '../helpers/house.ts';
import { BODIES, type Delivery, NOW_MS, signers, unsigned } from '../helpers/senders.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const RINGBA = {
  ...{ inboundCallId: 'RGB1', number: '(404) 555-8514', inboundPhoneNumber: '214-865-4559' },
  ...{ callDt: 1_772_971_200_000, connectedCallLengthInSeconds: 93 },
  ...{ conversionAmount: 12.3, currency: 'USD' },
};

/** The webhook through the real handler, and what it enqueues through the real job. */
async function deliver(delivery: Delivery, atMs = NOW_MS) {
  const events: CallEvent[] = [];
  const enqueueCallEvent = async (event: CallEvent) => void events.push(event);
  const { app } = await createTestApp({
    enqueue: { enqueueCallEvent, enqueueStripeEvent: async () => undefined },
    clock: { nowMs: () => atMs },
  });
  expect((await post(app, delivery)).statusCode).toBeLessThan(300);
  const ran = [];
  for (const event of events) {
    const work = house.services.callEvents.toWork(event);
    ran.push(
      await house.run({ ...work, job: 'calls.ingest-call', generation: 1, dueAtMs: house.clock.nowMs() }),
    );
  }
  return ran;
}

const calls = () =>
  house.sql(
    `select source, external_id, tracking_number, caller_number, duration_s, answered, app.ms(started_at) as started_ms
     from calls order by source`,
  );

test('a webhook of each way of signing becomes a row of the books, once', async () => {
  for (const sent of [
    signers.hmac(BODIES.hmac),
    signers.twilio(BODIES.twilio),
    signers.ed25519(BODIES.ed25519),
    unsigned('ringba', Buffer.from(JSON.stringify(RINGBA))),
  ]) {
    expect(await deliver(sent)).toMatchObject([{ end: 'finish', code: null }]);
    expect(await deliver(sent)).toMatchObject([{ end: 'finish', code: 'duplicate' }]);
  }
  const call = {
    tracking_number: '+14045558514',
    caller_number: '+12148654559',
    duration_s: 93,
    answered: true,
  };
  expect(await calls()).toMatchObject([
    { ...call, source: 'asym', external_id: 'call-1' },
    { ...call, source: 'own', external_id: 'call-1' },
    { ...call, source: 'ringba', external_id: 'RGB1', started_ms: 1_772_971_200_000 },
    { ...call, source: 'twilio' },
  ]);
});

test('the end of a call of Twilio changes nothing of what the end of its dial said, whichever comes first', async () => {
  const both = (sid: string) => {
    const form = new URLSearchParams(BODIES.twilio.toString());
    form.set('CallSid', sid);
    const dial = signers.twilio(Buffer.from(form.toString()));
    for (const name of ['DialCallStatus', 'DialCallSid', 'DialCallDuration']) form.delete(name);
    form.set('CallStatus', 'completed');
    form.set('CallDuration', '120');
    return { dial, ended: signers.twilio(Buffer.from(form.toString())) };
  };
  const [one, other] = [both(`CA${'1'.repeat(32)}`), both(`CA${'2'.repeat(32)}`)];
  for (const sent of [one.dial, one.ended, other.ended, other.dial]) await deliver(sent);
  expect(await calls()).toMatchObject([1, 2].map(() => ({ duration_s: 93, answered: true })));
});

test('a correction makes a call shorter, what came before it does not come back, and its replay is the same event', async () => {
  const talked = (durationS: number, conversionAmount: number) =>
    unsigned(
      'ringba',
      Buffer.from(JSON.stringify({ ...RINGBA, connectedCallLengthInSeconds: durationS, conversionAmount })),
    );
  const ends = [];
  for (const [sent, afterMs] of [
    [talked(93, 12.3), 0],
    [talked(30, 5), 2_000],
    [talked(60, 9), 1_000],
    [talked(93, 12.3), 3_000],
  ] as const)
    ends.push(...(await deliver(sent, NOW_MS + afterMs)));
  expect(ends.map(({ code }) => code)).toEqual([null, null, 'superseded', 'duplicate']);
  expect(await calls()).toMatchObject([{ duration_s: 30 }]);
  expect(await house.sql('select amount_minor from call_revenues')).toMatchObject([{ amount_minor: 500 }]);
});

test('a correction back to an earlier revenue counts where the body says when it was sent', async () => {
  const at = (revenue: string, seconds: number) =>
    unsigned(
      'trackdrive',
      Buffer.from(
        JSON.stringify({
          ...{ uuid: 'td-1', number_called: '(404) 555-8514', caller_number: '214-865-4559', revenue },
          ...{ created_at: '2026-03-08T12:00:00Z', answered_duration: '93', currency: 'usd' },
          ...{ sent_at: new Date(NOW_MS + seconds * 1_000).toISOString(), click_id: 'click-1' },
        }),
      ),
    );
  for (const [revenue, seconds] of [
    ['30', 0],
    ['0', 1],
    ['30', 2],
  ] as const)
    await deliver(at(revenue, seconds), NOW_MS + seconds * 1_000);
  expect(await house.sql('select amount_minor from call_revenues')).toMatchObject([{ amount_minor: 3_000 }]);
  expect(await house.sql('select click_id from calls')).toEqual([{ click_id: 'click-1' }]);
});

test('a body that does not fit is a dead letter, whole, with what is wrong field by field', async () => {
  const wrong = { ...RINGBA, number: '[tag:Number]', callDt: 'soon' };
  const body = Buffer.from(JSON.stringify(wrong));
  expect(await deliver(unsigned('ringba', body))).toMatchObject([{ end: 'dead', code: 'BODY_MALFORMED' }]);
  const [letter] = await house.services.deadLetters.list({}, { afterId: null, limit: 1 });
  expect(letter?.message).toContain('trackingNumber (is no telephone number)');
  expect(letter?.message).not.toContain('tag:Number');
  expect(await calls()).toEqual([]);
});
