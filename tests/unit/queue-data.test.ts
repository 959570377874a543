import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OutageError, PermanentError, TransientError } from '../../src/errors.ts';
import { defineJob, done, HOUSE_BACKOFF } from '../../src/jobs/define-job.ts';
import { backoffDelayMs, waitDelayMs } from '../../src/queues/backoff.ts';
import { openPayload, readEnvelope, sealPayload, writeEnvelope } from '../../src/queues/envelope.ts';
import {
  describeFailure,
  payloadFailure,
  readReason,
  readTries,
  writeReason,
} from '../../src/queues/failure.ts';
import { jobIdOf } from '../../src/queues/job-id.ts';
import { type Decision, decideError } from '../../src/queues/run-job.ts';
import { keyIdOf, openText, sealText } from '../../src/queues/seal.ts';

const keyA = randomBytes(32);
const keyB = randomBytes(32);

const sealedJob = defineJob({
  name: 'calls.test-sealed',
  queue: 'calls',
  version: 3,
  payload: z.strictObject({ id: z.string(), body: z.string() }),
  key: ({ id }) => id,
  attempts: 2,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 1_000,
  uses: [],
  sealed: ['body'],
  handle: async () => done(),
});
const item = {
  job: sealedJob.name,
  key: 'k',
  generation: 2,
  payload: { id: 'k', body: 'secret words' },
  dueAtMs: 5,
  trace: 't',
};

describe('backoff', () => {
  const backoffs = fc.record({
    baseMs: fc.integer({ min: 1, max: 10_000 }),
    maxMs: fc.integer({ min: 1, max: 600_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('is never negative, never above the cap, and within the jitter of baseMs × 2^n', () => {
    fc.assert(
      fc.property(backoffs, fc.nat(2_000), randoms, (backoff, attemptsMade, random) => {
        const delay = backoffDelayMs(backoff, attemptsMade, random);
        const ideal = Math.min(backoff.baseMs * 2 ** attemptsMade, backoff.maxMs);
        expect(delay).toBeGreaterThanOrEqual(Math.floor(ideal * (1 - backoff.jitter / 2)));
        expect(delay).toBeLessThanOrEqual(
          Math.min(Math.ceil(ideal * (1 + backoff.jitter / 2)), backoff.maxMs),
        );
      }),
    );
  });

  it('grows from attempt to attempt up to its cap', () => {
    const delays = [1, 2, 3, 4, 5, 6].map((attempt) =>
      backoffDelayMs({ ...HOUSE_BACKOFF, jitter: 0 }, attempt, 0.5),
    );
    expect(delays).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });
});

describe('a wait without an attempt', () => {
  const delaysOf = (error: OutageError) => {
    const decision = decideError(error) as Extract<Decision, { kind: 'wait' }>;
    return [0, 1, 5, 40].flatMap((times) =>
      [0, 0.5, 0.999].map((random) => waitDelayMs(decision, times, random)),
    );
  };

  it('that the other side named is never shorter than that, and does not grow', () => {
    for (const delay of delaysOf(new OutageError('PROVIDER_UNAVAILABLE', 'away', { retryAfterMs: 17_000 }))) {
      expect(delay).toBeGreaterThanOrEqual(17_000);
      expect(delay).toBeLessThanOrEqual(21_250);
    }
  });

  it('that nobody named grows up to five minutes', () => {
    const delays = delaysOf(new OutageError('PROVIDER_UNAVAILABLE', 'away'));
    expect(Math.min(...delays)).toBe(3_750);
    expect(Math.max(...delays)).toBe(300_000);
  });
});

describe('sealed bodies', () => {
  it('open with any configured key and are sealed with the newest', () => {
    const old = sealText('text', [keyA], 'c');
    expect(openText(old, [keyB, keyA], 'c')).toBe('text');
    expect(sealText('text', [keyB, keyA], 'c').startsWith(`${keyIdOf(keyB)}.`)).toBe(true);
  });

  it('do not open without their key, in another place, or with any byte changed', () => {
    const sealed = sealText('text', [keyA], 'c');
    const unsealable = expect.objectContaining({ code: 'PAYLOAD_UNSEALABLE' });
    expect(() => openText(sealed, [keyB], 'c')).toThrow(unsealable);
    expect(() => openText(sealed, [keyA], 'd')).toThrow(unsealable);
    const dot = sealed.indexOf('.');
    const bytes = Buffer.from(sealed.slice(dot + 1), 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() =>
        openText(`${sealed.slice(0, dot + 1)}${changed.toString('base64url')}`, [keyA], 'c'),
      ).toThrow(unsealable);
    }
    for (const broken of ['', '.', 'no dot', `${keyIdOf(keyA)}.`]) {
      expect(() => openText(broken, [keyA], 'c')).toThrow(unsealable);
    }
  });

  it('never seal twice to the same text', () => {
    expect(sealText('text', [keyA], 'c')).not.toBe(sealText('text', [keyA], 'c'));
  });
});

describe('job ids', () => {
  it('are readable for plain keys and hashed for all others', () => {
    expect(jobIdOf({ job: 'a.b', key: 'CAL123-x_y.z', generation: 2 })).toBe('a.b.CAL123-x_y.z.2');
    for (const key of ['a:b', 'ü', '', 'x'.repeat(81), 'a b', 'a\nb']) {
      expect(jobIdOf({ job: 'a.b', key, generation: 1 })).toMatch(/^a\.b\.[0-9a-f]{64}\.1$/);
    }
  });

  it('differ whenever job, key or generation do', () => {
    const ref = fc.record({
      job: fc.constantFrom('a.b', 'a.c'),
      key: fc.string(),
      generation: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(ref, ref, (a, b) => {
        const same = a.job === b.job && a.key === b.key && a.generation === b.generation;
        expect(jobIdOf(a) === jobIdOf(b)).toBe(same);
      }),
    );
  });
});

describe('envelopes', () => {
  const queued = (data: unknown, opts = {}) => ({
    id: 'i',
    name: sealedJob.name,
    data,
    timestamp: 1_000,
    opts,
  });

  it('come back as they were written, with nothing of the sealed field in clear', () => {
    const data = writeEnvelope(sealedJob, item, [keyA]);
    expect(JSON.stringify(data)).not.toContain('secret');
    const envelope = readEnvelope(queued(data));
    expect(envelope).toMatchObject({
      version: 3,
      key: 'k',
      generation: 2,
      dueAtMs: 5,
      trace: 't',
      fault: null,
    });
    expect(openPayload(sealedJob, 'k', envelope.payload, [keyB, keyA])).toEqual(item.payload);
  });

  it('of a stored payload are sealed anew with the newest key', () => {
    const stored = sealPayload(sealedJob, 'k', item.payload, [keyA]);
    const data = writeEnvelope(sealedJob, { ...item, payload: stored }, [keyB, keyA]);
    expect(openPayload(sealedJob, 'k', readEnvelope(queued(data)).payload, [keyB])).toEqual(item.payload);
  });

  it('of a scheduler tick are due when the scheduler says, not when the worker comes to it', () => {
    expect(readEnvelope(queued({ v: 1, payload: {} }, { prevMillis: 7_000 })).dueAtMs).toBe(7_000);
    expect(readEnvelope(queued({ v: 1, payload: {} }, { delay: 500 })).dueAtMs).toBe(1_500);
  });

  it('that are none are told as a fault and not thrown', () => {
    for (const data of [null, 1, 'x', [], {}, { v: 'x' }]) {
      expect(readEnvelope(queued(data)).fault?.code).toBe('PAYLOAD_INVALID');
    }
  });

  it('are refused when no database could store them or they are too large', () => {
    const bad = expect.objectContaining({ code: 'PAYLOAD_INVALID' });
    const open = defineJob({ ...sealedSpec, sealed: [] });
    for (const body of ['a\0b', '\ud800', 'x'.repeat(3 * 1024 * 1024)]) {
      expect(() => writeEnvelope(open, { ...item, payload: { id: 'k', body } }, [keyA])).toThrow(bad);
    }
  });
});

const sealedSpec = {
  name: 'calls.test-open',
  queue: 'calls',
  version: 1,
  payload: z.strictObject({ id: z.string(), body: z.string() }),
  key: ({ id }: { id: string }) => id,
  attempts: 1,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 1_000,
  uses: [],
  handle: async () => done(),
} as const;

describe('failures', () => {
  it('tell the text of our own errors and only the name and code of others', () => {
    expect(describeFailure(new PermanentError('CALL_UNKNOWN', 'text'))).toEqual({
      code: 'CALL_UNKNOWN',
      message: 'text',
    });
    const foreign = Object.assign(new TypeError('+14155550100'), { code: 'E_X' });
    expect(describeFailure(foreign)).toEqual({ code: 'JOB_FAILED', message: 'TypeError E_X' });
    expect(describeFailure('+14155550100').message).not.toContain('+1415');
  });

  it('of a payload name the fields and not their values', () => {
    const error = z.strictObject({ phone: z.number() }).safeParse({ phone: '+14155550100' }).error;
    const { message } = payloadFailure('a.b', error);
    expect(message).toContain('phone');
    expect(message).not.toContain('+1415');
  });

  it('are read back from the queue, and a stall is known by its text', () => {
    const cause = new TransientError('STRIPE_REFUSED', 'no', { cause: new TypeError('+14155550100') });
    const error = new PermanentError('JOB_TIMEOUT', 'a: b', { cause });
    const attempt = { atMs: 5, durationMs: 3, payloadVersion: 2, build: '1.0.0' };
    const written = writeReason({ code: 'JOB_TIMEOUT', message: 'a: b' }, error, attempt);
    expect(readReason(written.message)).toEqual({ code: 'JOB_TIMEOUT', message: 'a: b' });
    const causes = ['TransientError STRIPE_REFUSED', 'TypeError'];
    expect(readTries([written.stack ?? '', 'a trace of somebody else', '{"atMs":1}'])).toEqual([
      { ...attempt, code: 'JOB_TIMEOUT', message: 'a: b', causes },
    ]);
    expect(readTries(null)).toEqual([]);
    expect(readReason('job stalled more than allowable limit').code).toBe('JOB_STALLED');
    for (const text of [undefined, '', 'free text +1415', 'toString: x'])
      expect(readReason(text).code).toBe('JOB_FAILED');
  });
});
