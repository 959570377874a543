import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { createErrorReporter } from '../../src/integrations/sentry/reporter.ts';
import { settledWithin } from '../../src/queues/deadline.ts';

const received: { path: string; body: string }[] = [];
let server: Server;
let dsn: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString() });
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  dsn = `http://public@127.0.0.1:${(server.address() as AddressInfo).port}/42`;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

const context = { job: 'payouts.pay-supplier', attempt: 8, key: 'payout-1', trace: 'trace-1' };
const options = { environment: 'staging', release: 'callclear@0.1.0' };

/** The one envelope of a report: its items as [header, payload]. */
async function envelopeOf(failure: Parameters<Awaited<ReturnType<typeof createErrorReporter>>['report']>[0]) {
  received.length = 0;
  const reporter = await createErrorReporter({ dsn, ...options });
  reporter.report(failure, context);
  expect(await reporter.flush(5_000)).toBe(true);
  expect(received).toHaveLength(1);
  const [{ path, body } = { path: '', body: '' }] = received;
  const [, header = '{}', payload = '{}', ...rest] = body.trim().split('\n');
  expect(rest).toEqual([]);
  return { path, body, type: JSON.parse(header).type, event: JSON.parse(payload) };
}

test('one terminal failure is one envelope that says job, attempt, key, trace and code', async () => {
  const failure = new PermanentError('STRIPE_KEY_MISMATCH', 'The key was used with another body.');
  const { path, type, event } = await envelopeOf(failure);
  expect(path.startsWith('/api/42/envelope/')).toBe(true);
  expect(type).toBe('event');
  expect(event).toMatchObject({ environment: 'staging', release: 'callclear@0.1.0', level: 'error' });
  expect(event.tags).toEqual({ ...context, code: 'STRIPE_KEY_MISMATCH' });
  expect(event.exception.values[0]).toMatchObject({
    type: 'PermanentError',
    value: 'STRIPE_KEY_MISMATCH: The key was used with another body.',
  });
  expect(JSON.stringify(event.exception.values[0].stacktrace)).toContain('sentry.test.ts');
});

test('a failure of which only code and message are left is reported too', async () => {
  const { event } = await envelopeOf({ code: 'JOB_STALLED', message: 'It stopped its worker too often.' });
  expect(event.exception.values).toEqual([
    { type: 'JOB_STALLED', value: 'JOB_STALLED: It stopped its worker too often.' },
  ]);
});

test('canaries in messages of other libraries, in causes, details and fields do not leave', async () => {
  const canaries = ['Jane Canary', '+14155550123', 'sk_live_canary', 'GB33BUKB20201555555555', 'canary-body'];
  const foreign = Object.assign(
    new TypeError(`cannot read ${canaries.join(' ')}\n    at Jane Canary (canary-body)`),
    {
      payload: canaries,
      cause: new Error(canaries[0]),
    },
  );
  const coded = new PermanentError('BODY_MALFORMED', 'The report is not usable.', {
    cause: foreign,
    detail: { body: canaries },
  });
  for (const failure of [foreign, coded]) {
    const { body, event } = await envelopeOf(failure);
    for (const canary of canaries) expect(body).not.toContain(canary);
    expect(event).not.toHaveProperty('breadcrumbs');
    expect(event).not.toHaveProperty('request');
    expect(event).not.toHaveProperty('user');
    expect(event).not.toHaveProperty('server_name');
  }
});

test('without a DSN nothing is sent', async () => {
  received.length = 0;
  const reporter = await createErrorReporter({ dsn: null, ...options });
  reporter.report(new Error('nobody hears this'), context);
  expect(await reporter.flush(100)).toBe(true);
  expect(received).toEqual([]);
});

test('a Sentry that does not answer holds the flush no longer than its deadline', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address() as AddressInfo;
  const reporter = await createErrorReporter({
    dsn: `http://public@127.0.0.1:${address.port}/1`,
    ...options,
  });
  reporter.report(new PermanentError('JOB_TIMEOUT', 'Too long.'), context);
  const flushing = reporter.flush(200);
  expect(await settledWithin(flushing, 2_000)).toBe(true);
  expect(await flushing).toBe(false);
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
});
