import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OutageError, PermanentError, TransientError } from '../../src/errors.ts';
import { defineJob, done, HOUSE_BACKOFF } from '../../src/jobs/define-job.ts';
import { backoffDelayMs } from '../../src/queues/backoff.ts';
import { createBatcher, createGate, runSplitting } from '../../src/queues/batch.ts';
import { createCoalescer } from '../../src/queues/coalesce.ts';
import { openPayload, readEnvelope, sealPayload, writeEnvelope } from '../../src/queues/envelope.ts';
import { describeFailure, payloadFailure, readReason, writeReason } from '../../src/queues/failure.ts';
import { jobIdOf } from '../../src/queues/job-id.ts';
import { keyIdOf, openText, sealText } from '../../src/queues/seal.ts';
import { createWatchdog } from '../../src/queues/watchdog.ts';

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
    expect(readReason(writeReason({ code: 'JOB_TIMEOUT', message: 'a: b' }, null).message)).toEqual({
      code: 'JOB_TIMEOUT',
      message: 'a: b',
    });
    expect(readReason('job stalled more than allowable limit').code).toBe('JOB_STALLED');
    for (const text of [undefined, '', 'free text +1415', 'toString: x'])
      expect(readReason(text).code).toBe('JOB_FAILED');
  });
});

describe('coalescing', () => {
  it('sends what comes during one round trip together with the next', async () => {
    const sent: number[] = [];
    let release = () => {};
    const coalescer = createCoalescer<number>({
      maxBatch: 100,
      maxWaiting: 100,
      full: () => new Error('full'),
      async send(items) {
        sent.push(items.length);
        if (sent.length === 1)
          await new Promise<void>((resolve) => {
            release = resolve;
          });
      },
    });
    const first = coalescer.push(0);
    await Promise.resolve();
    const others = Promise.all(Array.from({ length: 50 }, (_, n) => coalescer.push(n)));
    release();
    await Promise.all([first, others]);
    expect(sent).toEqual([1, 50]);
  });

  it('lets one bad item fail alone, and an outage all at once', async () => {
    let calls = 0;
    const coalescer = createCoalescer<string>({
      maxBatch: 100,
      maxWaiting: 100,
      full: () => new Error('full'),
      async send(items) {
        calls += 1;
        if (items.includes('bad')) throw new Error('bad');
        if (items.includes('away')) throw new OutageError('QUEUE_UNAVAILABLE', 'away');
      },
    });
    const mixed = await Promise.allSettled(['a', 'bad', 'b'].map((item) => coalescer.push(item)));
    expect(mixed.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    calls = 0;
    const away = await Promise.allSettled(['a', 'away', 'b'].map((item) => coalescer.push(item)));
    expect(away.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(calls).toBe(1);
  });

  it('refuses at once what is beyond its bound', async () => {
    const coalescer = createCoalescer<number>({
      maxBatch: 1,
      maxWaiting: 2,
      full: () => new Error('full'),
      send: () => new Promise(() => {}),
    });
    void coalescer.push(1);
    void coalescer.push(2);
    await expect(coalescer.push(3)).rejects.toThrow('full');
  });
});

describe('batches', () => {
  it('are found to be bad in the one item that is the cause', async () => {
    const results = await runSplitting(
      [1, 2, 3, 4, 5],
      async (items) => {
        if (items.includes(4)) throw new TransientError('DATABASE_CONFLICT', 'poison');
        return items.map((item) => item * 10);
      },
      () => false,
    );
    expect(results.map((result) => (result instanceof Error ? 'error' : result))).toEqual([
      10,
      20,
      30,
      'error',
      50,
    ]);
  });

  it('run when full and not later, and tell each item its own result', async () => {
    const sizes: number[] = [];
    const push = createBatcher<number, number>({
      size: 2,
      waitMs: 60_000,
      async run(items) {
        sizes.push(items.length);
        return items.map((item) => (item === 2 ? new Error('two') : item));
      },
    });
    const results = await Promise.allSettled([push(1), push(2)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(sizes).toEqual([2]);
  });

  it('never run wider than their gate, and every piece of work gets through', async () => {
    const gate = createGate(3);
    let running = 0;
    let widest = 0;
    const work = async () => {
      running += 1;
      widest = Math.max(widest, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (widest === 0) throw new Error('never');
    };
    await Promise.all(Array.from({ length: 20 }, () => gate(work)));
    expect(widest).toBe(3);
  });
});

describe('the watchdog', () => {
  it('rebuilds a worker that takes nothing while jobs wait, and ends the process when that did not help', async () => {
    const told: string[] = [];
    let started = 0;
    const probe = {
      queue: 'calls',
      startedCount: () => started,
      activeCount: () => 0,
      countWaiting: async () => 3,
    };
    const watchdog = createWatchdog({
      workers: { probes: [probe], rebuild: async (queue) => void told.push(`rebuild ${queue}`) },
      onEvent: ({ kind }) => told.push(kind),
      exit: () => told.push('exit'),
      limitMs: 100,
    });
    for (const nowMs of [0, 50, 99]) await watchdog.check(nowMs);
    started += 1;
    for (const nowMs of [120, 150, 240]) await watchdog.check(nowMs);
    expect(told).toEqual([]);
    await watchdog.check(260);
    expect(told).toEqual(['idle-rebuilt', 'rebuild calls']);
    for (const nowMs of [300, 399]) await watchdog.check(nowMs);
    expect(told).toHaveLength(2);
    await watchdog.check(401);
    expect(told.slice(2)).toEqual(['idle-exit', 'exit']);
  });
});
