import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { OutageError } from '../../src/errors.ts';
import { parseCallReport } from '../../src/integrations/call-tracking/parse.ts';
import { ingestCall } from '../../src/jobs/calls/ingest-call.job.ts';
import { createTestApp, post } from '../helpers/app.ts';
import { HOSTILE_BODIES, STANDARD_BODY } from '../helpers/hostile-bodies.ts';
import {
  BODIES,
  type Delivery,
  NO_SECRETS,
  NOW_MS,
  SENDERS,
  STAMPED,
  signers,
  unsigned,
} from '../helpers/senders.ts';

const errorBody = (code: string) => ({ error: { code, message: expect.any(String) } });

test('a body of 1 MiB is read, one byte more is 413, and so is 50 MiB', async () => {
  const { app } = await createTestApp();
  const statusOf = async (length: number) =>
    (await post(app, { ...signers.callrail(BODIES.callrail), body: Buffer.alloc(length, 'x') })).statusCode;
  expect([await statusOf(1_048_576), await statusOf(1_048_577), await statusOf(52_428_800)]).toEqual([
    401, 413, 413,
  ]);
});

test.each(HOSTILE_BODIES.refused)(
  'a signed body that is %s is enqueued as it is, so that it becomes a dead letter whole',
  async (_name, body) => {
    const { app, calls } = await createTestApp();
    for (const delivery of [signers.callrail(body), signers.standard(body)])
      expect((await post(app, delivery)).statusCode).toBe(202);
    // Nothing at all, of a sender that signs nothing, has nothing in it that could be lost.
    expect((await post(app, unsigned('ringba', body))).statusCode).toBe(body.length > 0 ? 202 : 400);
    expect(calls[0]).toMatchObject({ source: 'callrail' });
    for (const call of calls) {
      expect(Buffer.from(call.body, 'base64').equals(body)).toBe(true);
      expect(ingestCall.parse(call)).toEqual(call);
    }
  },
);

test('what is signed and names neither call nor type is one event by the hash of its bytes; what is no event of Stripe is answered 400', async () => {
  for (const text of ['[]', 'null', '{', '{}', '{"type":7}', '{"resource_id":{}}', '['.repeat(100_000)]) {
    const { app, calls } = await createTestApp();
    const body = Buffer.from(text);
    const hash = createHash('sha256').update(body).digest('hex');
    const url = `/webhooks/twilio?bodySHA256=${hash}`;
    for (const delivery of [
      signers.callrail(body),
      signers.twilio(body, { url }),
      signers.standard(body),
      signers.hmac(body),
    ])
      expect([200, 202]).toContain((await post(app, delivery)).statusCode);
    expect(calls.map(({ source, eventId }) => [source, eventId])).toEqual([
      ['callrail', hash],
      ['twilio', hash],
      ['acme', 'msg_1'],
      ['own', 'own_1'],
    ]);
    for (const sender of ['stripe', 'stripeConnect'] as const) {
      const answer = await post(app, signers[sender](body));
      expect([answer.statusCode, answer.json()]).toEqual([400, errorBody('BODY_MALFORMED')]);
    }
  }
});

test('a call of CallRail whose resource id is empty is named by its numeric one', async () => {
  const { app, calls } = await createTestApp();
  const body = Buffer.from(BODIES.callrail.toString().replace('{', '{"resource_id":"",'));
  await post(app, signers.callrail(body));
  expect(calls[0]?.eventId.startsWith('766970532.')).toBe(true);
  expect(
    parseCallReport({ source: 'callrail', kind: 'post_call', body, receivedAtMs: NOW_MS }),
  ).toMatchObject({
    externalId: '766970532',
  });
});

test('kinds of CallRail that are no finished call are verified, accepted and not enqueued', async () => {
  const { app, calls } = await createTestApp();
  for (const kind of [
    'pre_call',
    'call_routing_complete',
    'outbound_post_call',
    'outbound_call_modified',
    'text_message_received',
    'text_message_sent',
    'form_submission',
    'convert_assist_complete',
  ]) {
    const delivery: Delivery = { ...signers.callrail(BODIES.callrail), url: `/webhooks/callrail/${kind}` };
    expect((await post(app, delivery)).statusCode).toBe(202);
    expect((await post(app, { ...delivery, headers: {} })).statusCode).toBe(401);
  }
  expect(calls).toEqual([]);
});

test('an event of a type that is not used is accepted and dropped, so that its sender does not give up', async () => {
  const { app, calls } = await createTestApp();
  const body = Buffer.from(JSON.stringify({ ...STANDARD_BODY, type: 'call.started' }));
  expect((await post(app, signers.standard(body))).statusCode).toBe(202);
  expect(calls).toEqual([]);
});

test('unknown sources, kinds, methods and addresses are 404 with one and the same body', async () => {
  const { app } = await createTestApp();
  const { body, headers } = signers.standard(BODIES.standard);
  const urls = [
    'calls/nobody',
    'calls/__proto__',
    'calls/constructor',
    'calls/callrail',
    'calls/',
    'callrail/toString',
    'callrail/sms',
    'hmac/nobody',
    'hmac/__proto__',
    'ringba',
    '',
  ];
  const answers = await Promise.all(urls.map((url) => post(app, { url: `/webhooks/${url}`, body, headers })));
  answers.push(await app.inject({ method: 'GET', url: '/webhooks/stripe' }));
  answers.push(await app.inject({ method: 'GET', url: '/nowhere' }));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 404));
  expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
});

test('a source without secrets is not served', async () => {
  const { app } = await createTestApp({ secrets: NO_SECRETS });
  for (const sender of SENDERS)
    expect((await post(app, signers[sender](BODIES[sender]))).statusCode).toBe(404);
});

test('every refusal of one status is the same byte by byte, whichever check failed', async () => {
  const { app } = await createTestApp();
  const refusals = new Map<number, Set<string>>();
  for (const sender of SENDERS) {
    const good = signers[sender](BODIES[sender]);
    const variants: Delivery[] = [
      { ...good, headers: {} },
      { ...good, body: Buffer.from('{}') },
      signers[sender](BODIES[sender], { which: 'other' }),
      // What reports calls is for the job to read.
      ...(!sender.startsWith('stripe')
        ? []
        : ['nothing', '[1]'].map((text) => signers[sender](Buffer.from(text)))),
      { ...good, url: `${good.url}/more` },
      { ...good, body: Buffer.alloc(2_000_000) },
    ];
    if (STAMPED.some((one) => one === sender))
      variants.push(signers[sender](BODIES[sender], { sentAtMs: NOW_MS - 301_000 }));
    for (const variant of variants) {
      const { statusCode, body, headers } = await post(app, variant);
      const shown = JSON.stringify([body, headers['content-type'], headers['www-authenticate']]);
      refusals.set(statusCode, (refusals.get(statusCode) ?? new Set()).add(shown));
    }
  }
  expect([...refusals.keys()].sort()).toEqual([400, 401, 404, 413]);
  expect([...refusals.values()].map(({ size }) => size)).toEqual([1, 1, 1, 1]);
});

test.each(SENDERS)(
  'a queue that is away is 503 with Retry-After for %s, and 202 is never said',
  async (sender) => {
    const refuse = async () => {
      throw new OutageError('QUEUE_UNAVAILABLE', 'The queue did not answer.', { retryAfterMs: 4_200 });
    };
    const { app } = await createTestApp({
      enqueue: { enqueueCallEvent: refuse, enqueueStripeEvent: refuse },
    });
    const answer = await post(app, signers[sender](BODIES[sender]));
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(answer.json()).toEqual(errorBody('QUEUE_UNAVAILABLE'));
  },
);

test.each(SENDERS)('an acceptance of %s comes after the queue has stored the event', async (sender) => {
  const { promise: stored, resolve: store } = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const enqueue = async () => {
    asked.resolve();
    await stored;
  };
  const { app } = await createTestApp({
    enqueue: { enqueueCallEvent: enqueue, enqueueStripeEvent: enqueue },
  });
  let answered = false;
  const answer = post(app, signers[sender](BODIES[sender])).then((response) => {
    answered = true;
    return response.statusCode;
  });
  await asked.promise;
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(false);
  store();
  expect([200, 202]).toContain(await answer);
});

test('a fault of our own is 500 without its text, and the log has it', async () => {
  const fail = async () => {
    throw new TypeError('canary of the inside');
  };
  const { app, logLines } = await createTestApp({
    enqueue: { enqueueCallEvent: fail, enqueueStripeEvent: fail },
  });
  const answer = await post(app, signers.stripe(BODIES.stripe));
  expect([answer.statusCode, answer.json()]).toEqual([500, errorBody('INTERNAL')]);
  expect(logLines.join('')).toContain('canary of the inside');
});

test('answers are counted by source and status, and unknown sources share one label', async () => {
  const { app } = await createTestApp();
  await post(app, signers.standard(BODIES.standard));
  await post(app, { ...signers.callrail(BODIES.callrail), headers: {} });
  await post(app, { ...signers.standard(BODIES.standard), url: '/webhooks/calls/made-up' });
  const authorization = `Basic ${Buffer.from('ops:the password of the tests').toString('base64')}`;
  const { body } = await app.inject({ method: 'GET', url: '/metrics', headers: { authorization } });
  expect(body).toContain('callclear_webhook_answers_total{source="acme",status="202"} 1');
  expect(body).toContain('callclear_webhook_answers_total{source="callrail",status="401"} 1');
  expect(body).toContain('callclear_webhook_answers_total{source="unknown",status="404"} 1');
  expect(body).not.toContain('made-up');
});

test('no log line of a refused webhook holds its body or signature', async () => {
  const { app, logLines } = await createTestApp();
  const delivery = signers.callrail(BODIES.callrail, { which: 'other' });
  await post(app, delivery);
  expect(logLines.length).toBeGreaterThan(0);
  for (const part of ['Kaylah', '2148654559', delivery.headers.signature ?? 'none'])
    expect(logLines.join('')).not.toContain(part);
});
