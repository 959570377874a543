import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ZodError, z } from 'zod';
import {
  defineJob,
  done,
  HOUSE_BACKOFF,
  type RunContext,
  skip,
  snooze,
  tickPayload,
} from '../../src/jobs/define-job.ts';
import type { JobServices } from '../../src/services.ts';

const settings = {
  name: 'calls.count-call',
  queue: 'calls',
  version: 1,
  payload: z.strictObject({ callId: z.string().min(1), seconds: z.int().default(0) }),
  key: ({ callId }: { callId: string }) => callId,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 1_000,
  uses: ['clock'],
} as const;

const run = { signal: new AbortController().signal, dueAtMs: 1_000, attempt: 1, trace: 'trace-1' };
const used: Partial<JobServices> = { clock: { nowMs: () => 77 } };
/** A job's handler sees the services of its `uses`; these jobs use the clock alone, so no other is there. */
const context = { ...run, ...used } as RunContext & JobServices;

const one = defineJob({
  ...settings,
  handle: async ({ callId, seconds }, { clock, dueAtMs }) =>
    done({ callId, seconds, nowMs: clock.nowMs(), dueAtMs }),
});

const many = defineJob({
  ...settings,
  batch: { size: 100, waitMs: 10 },
  handleBatch: async (payloads) =>
    payloads.map(({ callId }) => (callId === 'poison' ? new Error('poisoned') : done({ callId }))),
});

describe('a job that handles one item at a time', () => {
  test('its settings stand on it as they were given, with the defaults of the house', () => {
    expect(one).toMatchObject({
      name: 'calls.count-call',
      queue: 'calls',
      version: 1,
      attempts: 8,
      backoff: { baseMs: 1_000, maxMs: 30_000, jitter: 0.5 },
      timeoutMs: 1_000,
      uses: ['clock'],
      concurrency: 4,
      sealed: [],
      schedule: null,
      batch: null,
      runBatch: null,
    });
  });

  test('its handler gets the parsed payload, the services it uses and the due time', async () => {
    expect(await one.run({ callId: 'c1' }, context)).toEqual(
      done({ callId: 'c1', seconds: 0, nowMs: 77, dueAtMs: 1_000 }),
    );
  });

  test.each([undefined, null, [], {}, { callId: '' }, { callId: 5 }, { callId: 'c1', extra: true }])(
    'payload %j is refused before the handler runs',
    async (payload) => {
      expect(() => one.parse(payload)).toThrow(ZodError);
      expect(() => one.keyOf(payload)).toThrow(ZodError);
      await expect(one.run(payload, context)).rejects.toThrow(ZodError);
    },
  );

  test('its key depends on nothing but the payload', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer(), (callId, seconds) => {
        expect(one.keyOf({ callId, seconds })).toBe(callId);
      }),
    );
  });
});

describe('a job that handles many items in one round trip', () => {
  test('each item gets the outcome at its own place, and one that fails does not fail the others', async () => {
    const outcomes = await many.runBatch?.([{ callId: 'a' }, { callId: 'poison' }, { callId: 'b' }], context);
    expect(outcomes).toEqual([done({ callId: 'a' }), new Error('poisoned'), done({ callId: 'b' })]);
  });

  test('run is a batch of one', async () => {
    expect(await many.run({ callId: 'a' }, context)).toEqual(done({ callId: 'a' }));
  });

  test('run throws the error of its item', async () => {
    await expect(many.run({ callId: 'poison' }, context)).rejects.toThrow('poisoned');
  });

  test('an item without an outcome is an error, never a success', async () => {
    const forgetful = defineJob({ ...settings, batch: { size: 2, waitMs: 1 }, handleBatch: async () => [] });
    await expect(forgetful.run({ callId: 'a' }, context)).rejects.toThrow(
      'calls.count-call returned no outcome',
    );
  });

  test('its size and its wait stand on it', () => {
    expect(many.batch).toEqual({ size: 100, waitMs: 10 });
  });
});

describe('what a run ends in', () => {
  test('done carries a summary, skip a reason, snooze a delay and a reason', () => {
    expect(done()).toEqual({ kind: 'done', summary: {} });
    expect(skip('already-paid')).toEqual({ kind: 'skip', reason: 'already-paid' });
    expect(snooze(500, 'cover')).toEqual({ kind: 'snooze', delayMs: 500, reason: 'cover' });
  });

  test('a tick carries nothing', () => {
    expect(tickPayload.parse({})).toEqual({});
    expect(() => tickPayload.parse({ night: '2026-11-25' })).toThrow(ZodError);
  });
});
