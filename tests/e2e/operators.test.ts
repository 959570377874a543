import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startEmbedded } from '../../sandbox/embedded.ts';
import { validateEnvironment } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';
import { openRuntime } from '../../src/runtime.ts';
import { demoDate, runCommandLine, runDemo } from '../helpers/demo.ts';

let dataDir = '';
/** The last business date of the demo. */
let lastDate = '';
/** The books of a demo that was played to its end, and four letters. */
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'callclear-ops-'));
  const { status, said } = await runDemo(['--calls', '40', '--seed', '3', '--data', dataDir]);
  expect(status, said).toBe(0);
  const embedded = await startEmbedded({ config: validateEnvironment({}), dataDir });
  const runtime = await openRuntime(embedded.config, embedded.platform, createLogger({ level: 'silent' }));
  const { work, clock } = runtime.services;
  const nowMs = clock.nowMs();
  lastDate = await demoDate(dataDir, 3);
  const letter = (key: string, payload: Record<string, unknown>, code: string, message: string) =>
    work.fail({
      ...{ job: 'analytics.roll-up-day', key, generation: 1, payload, dueAtMs: nowMs, trace: 'tests' },
      ...{ code, message, attempts: 8, tries: [], payloadVersion: 1, nowMs },
    });
  const payload = (date: string) => ({ date, dueAtMs: nowMs });
  await letter('2026-01-01', payload('2026-01-01'), 'JOB_FAILED', 'bucket 17 is locked');
  await letter('2026-01-02', payload('2026-01-02'), 'JOB_FAILED', 'bucket 18 is locked');
  await letter('2026-01-03', { day: '2026-01-03' }, 'PAYLOAD_INVALID', 'date is missing');
  await letter('2026-01-04', payload('2026-01-04'), 'JOB_TIMEOUT', 'too long');
  await runtime.close();
  await embedded.close();
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const callclear = (...args: string[]) => runCommandLine(['--data', dataDir, '--by', 'ann', ...args]);
async function answerOf<T>(schema: z.ZodType<T>, ...args: string[]): Promise<T> {
  const { status, out, err } = await callclear(...args);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return schema.parse(JSON.parse(out));
}

describe('the providers’ logs at the command line', () => {
  const report = z.object({
    runs: z.array(z.looseObject({ source: z.string(), read: z.int(), missing: z.int(), recovered: z.int() })),
    breaks: z.array(z.looseObject({ kind: z.string(), state: z.string(), callId: z.uuid() })),
  });
  const daysBefore = (days: number) =>
    new Date(Date.parse(lastDate) - days * 86_400_000).toISOString().slice(0, 10);

  test('calls log tells what was recovered, and calls show that no webhook brought it', async () => {
    const all = [];
    for (const days of [1, 2, 3])
      all.push(await answerOf(report, 'calls', 'log', '--date', daysBefore(days), '--json'));
    expect(all.flatMap(({ runs }) => runs.map(({ source }) => source))).toEqual(
      all.flatMap(() => ['callrail', 'demo']),
    );
    const [recovered] = all.flatMap(({ breaks }) => breaks);
    expect(recovered).toMatchObject({ kind: 'missing', state: 'recovered' });
    const call = await answerOf(z.looseObject({}), 'calls', 'show', recovered?.callId ?? '');
    expect(call).toMatchObject({ status: 'qualified', recoveredAtMs: expect.any(Number) });
    const { out } = await callclear('calls', 'log', '--date', daysBefore(2));
    expect(out.split('\n')[0]).toContain('source');
  });

  test('calls show names a call that is none', async () => {
    const { status, err } = await callclear('calls', 'show', '00000000-0000-4000-8000-000000000000');
    expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining('CALL_UNKNOWN') });
  });
});

describe('dead letters at the command line', () => {
  const letters = z.array(
    z.looseObject({ id: z.string(), key: z.string(), code: z.string(), fault: z.string() }),
  );
  const keys = async (...filters: string[]) =>
    (await answerOf(letters, 'dlq', 'list', '--json', ...filters)).map(({ key }) => key);
  const idOf = async (key: string) =>
    (await answerOf(letters, 'dlq', 'list', '--json')).find((letter) => letter.key === key)?.id ?? '';

  test('are listed by what is asked for, and in groups', async () => {
    expect(await keys()).toEqual(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']);
    expect(await keys('--code', 'JOB_TIMEOUT')).toEqual(['2026-01-04']);
    expect(await keys('--fault', 'data')).toEqual(['2026-01-03']);
    expect(await keys('--queue', 'payouts')).toEqual([]);
    const groups = z.array(z.looseObject({ letters: z.int(), code: z.string() }));
    const [most] = await answerOf(groups, 'dlq', 'list', '--groups', '--json');
    expect(most).toMatchObject({ letters: 2, code: 'JOB_FAILED' });
    expect((await callclear('dlq', 'list', '--groups')).out).toContain('bucket 18 is locked');
  });

  test('are shown without what may be personal, and only by their number', async () => {
    const id = await idOf('2026-01-03');
    const shown = z.looseObject({
      payload: z.unknown(),
      payloadFault: z.string(),
      deaths: z.array(z.unknown()),
    });
    const letter = await answerOf(shown, 'dlq', 'show', id);
    expect(letter.payload).toBe('(not shown: --payload)');
    expect(letter.payloadFault).toContain('date');
    expect(await answerOf(shown, 'dlq', 'show', id, '--payload')).toMatchObject({
      payload: { day: '2026-01-03' },
    });
    expect(await callclear('dlq', 'show', '99999')).toMatchObject({
      status: 1,
      err: expect.stringContaining('LETTER_UNKNOWN'),
    });
  });

  test('are never all meant by saying nothing, and a dry run tells which and writes nothing', async () => {
    expect(await callclear('dlq', 'replay', '--reason', 'mended')).toMatchObject({
      status: 1,
      err: expect.stringContaining('LETTER_FILTER_INVALID'),
    });
    const planned = z.object({
      dryRun: z.literal(true),
      letters: z.array(
        z.looseObject({
          key: z.string(),
          effects: z.object({ journals: z.array(z.unknown()), stripe: z.array(z.unknown()) }),
        }),
      ),
    });
    for (const deed of ['replay', 'discard']) {
      const asked = ['dlq', deed, '--code', 'JOB_FAILED', '--reason', 'mended', '--dry-run'];
      const { letters: meant } = await answerOf(planned, ...asked);
      expect(meant.map(({ key }) => key)).toEqual(['2026-01-01', '2026-01-02']);
    }
    expect(await keys()).toHaveLength(4);
  });

  test('are replayed by a filter; one that would only die again is refused until its payload is mended', async () => {
    const report = z.looseObject({
      ok: z.boolean(),
      replayed: z.int(),
      refused: z.array(z.looseObject({ code: z.string() })),
    });
    const replay = ['dlq', 'replay', '--code', 'JOB_FAILED', '--reason', 'mended', '--wait', '1'];
    expect(await answerOf(report, ...replay)).toMatchObject({ ok: true, replayed: 2, refused: [] });
    expect(await keys()).toEqual(['2026-01-03', '2026-01-04']);

    const id = await idOf('2026-01-03');
    const { status, out } = await callclear('dlq', 'replay', id, '--reason', 'mended', '--wait', '1');
    expect(status).toBe(1);
    expect(report.parse(JSON.parse(out))).toMatchObject({
      replayed: 0,
      refused: [{ code: 'PAYLOAD_INVALID' }],
    });
    const file = join(dataDir, 'payload.json');
    await writeFile(file, JSON.stringify({ date: '2026-01-03', dueAtMs: 1 }));
    const edit = ['dlq', 'replay', id, '--reason', 'the date was lost', '--edit', file];
    expect(await answerOf(z.looseObject({ ok: z.literal(true) }), ...edit)).toMatchObject({ id });
    expect(await keys()).toEqual(['2026-01-04']);
  });

  test('are discarded only with a reason', async () => {
    const id = await idOf('2026-01-04');
    expect(await callclear('dlq', 'discard', id)).toMatchObject({ status: 1, out: '' });
    const discard = ['dlq', 'discard', id, '--reason', 'nobody looks at it'];
    expect(await answerOf(z.unknown(), ...discard)).toEqual({ ok: true, discarded: 1, gone: 0 });
    expect((await callclear('dlq', 'list')).out.trim()).toBe('No dead letter.');
  });
});

describe('closes at the command line', () => {
  test('tell for people and for programs how a date stands', async () => {
    const { status, out } = await callclear('close-status', '--date', lastDate);
    expect({ status, out }).toMatchObject({
      status: 0,
      out: expect.stringContaining(`The close of ${lastDate} is done.`),
    });
    const json = z.looseObject({
      date: z.string(),
      state: z.string(),
      report: z.looseObject({ calls: z.int() }),
    });
    expect(await answerOf(json, 'close-status', '--date', lastDate, '--json')).toMatchObject({
      state: 'done',
    });
    expect(await answerOf(json, 'close', '--date', lastDate, '--json')).toMatchObject({
      ok: true,
      state: 'done',
    });
  });

  test('say in a dry run how the date stands, and end with status 1 where it cannot be closed', async () => {
    const dry = ['close', '--dry-run', '--date'];
    expect(await callclear(...dry, lastDate)).toMatchObject({ status: 0, out: `${lastDate} done\n` });
    const tooEarly = await callclear(...dry, '2099-01-01');
    expect(tooEarly).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining('CLOSE_OUT_OF_ORDER'),
    });
  });
});

describe('schedules at the command line', () => {
  const READ = 'stripe.read-bank-payouts';
  const listed = z.looseObject({
    ok: z.boolean(),
    ticks: z.array(z.looseObject({ schedule: z.string(), nextAtMs: z.int().nullable() })),
    pipelines: z.array(
      z.looseObject({
        name: z.string(),
        pausedBy: z.string().nullable(),
        last: z.looseObject({ state: z.string() }).nullable(),
      }),
    ),
  });
  const list = async (name: string) =>
    (await answerOf(listed, 'schedule', 'list', '--json')).pipelines.find((one) => one.name === name);
  const runs = z.array(z.looseObject({ date: z.string(), state: z.string() }));

  test('tell each tick and pipeline, and the run of each date', async () => {
    const { ok, ticks } = await answerOf(listed, 'schedule', 'list', '--json');
    expect(ok).toBe(true);
    expect(ticks.find(({ schedule }) => schedule === 'operations.sweep')?.nextAtMs).not.toBeNull();
    expect(await list('nightly-close')).toMatchObject({ last: { date: lastDate, state: 'done' } });
    const closes = await answerOf(runs, 'schedule', 'list', '--pipeline', 'nightly-close', '--json');
    expect(closes[0]).toMatchObject({ date: lastDate, state: 'done', attempts: 1 });
    expect(closes.length).toBeGreaterThan(2);
    expect((await callclear('schedule', 'list')).out).toContain('nightly-close');
  });

  test('run a date that has none, after saying so in a dry run, and no date that is not due', async () => {
    const dates = z.object({ ok: z.literal(true), dates: runs });
    const run = ['schedule', 'run', READ, '--date', lastDate, '--reason', 'a bank failed'];
    const planned = { ok: true, dates: [{ date: lastDate, state: 'planned' }] };
    expect(await answerOf(dates, ...run, '--dry-run')).toEqual(planned);
    expect(await answerOf(dates, ...run)).toEqual(planned);
    expect(await answerOf(dates, ...run)).toEqual({
      ok: true,
      dates: [{ date: lastDate, state: 'running' }],
    });
    const future = [
      'schedule',
      'backfill',
      READ,
      '--from',
      '2099-01-01',
      '--to',
      '2099-01-02',
      '--reason',
      'x',
    ];
    const { status, out } = await callclear(...future);
    expect(status).toBe(1);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      dates: ['2099-01-01', '2099-01-02'].map((date) => ({ date, state: 'not_due' })),
    });
  });

  test('are paused with a reason and let go on, each once', async () => {
    const changed = z.object({ changed: z.boolean() });
    const pause = ['schedule', 'pause', READ, '--reason', 'Stripe asked for it'];
    expect(await answerOf(changed, ...pause)).toEqual({ changed: true });
    expect(await answerOf(changed, ...pause)).toEqual({ changed: false });
    expect(await list(READ)).toMatchObject({ pausedBy: 'ann', pauseReason: 'Stripe asked for it' });
    expect((await callclear('schedule', 'list')).out).toContain('by ann: Stripe asked for it');
    expect(await answerOf(changed, 'schedule', 'resume', READ)).toEqual({ changed: true });
    expect(await list(READ)).toMatchObject({ pausedBy: null });
  });

  test.each([
    [['schedule', 'pause', 'nightly-cloze', '--reason', 'x'], 'nightly-close'],
    [['schedule', 'pause', READ], '--reason'],
    [['schedule', 'run', READ, '--date', 'x', '--reason', 'x'], 'a date from 2000 on'],
    [
      ['schedule', 'backfill', READ, '--from', '2026-01-02', '--to', '2026-01-01', '--reason', 'x'],
      'PERIOD_INVALID',
    ],
    [['close', '--date', '2098-01-01'], 'CLOSE_OUT_OF_ORDER'],
    [['close-status', '--date', '2001-01-01'], 'CLOSE_UNKNOWN'],
    [['dlq', 'list', '--code', 'NO_CODE'], 'LETTER_FILTER_INVALID'],
    [['dlq', 'list', '--since', 'yesterday'], 'a date or an instant'],
    [['dlq', 'discard', 'x', '--reason', 'y'], 'ARGUMENT_INVALID: It must be the number of a dead letter'],
  ])('refuse %j with a word of why, and end with status 1', async (args, why) => {
    const { status, out, err } = await callclear(...args);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toContain(why);
  });
});
