import { InvalidArgumentError } from 'commander';
import { pipelines } from '../jobs/pipelines.ts';
import { jobs } from '../jobs/registry.ts';
import { listOverdue } from '../queues/overdue.ts';
import { readSchedulers } from '../queues/schedules.ts';
import { act, asDate, asReason, program, type Session } from './session.ts';
import { minuteOf, renderTable } from './table.ts';

const asPipeline = (name: string) => {
  if (pipelines.some((one) => one.name === name)) return name;
  throw new InvalidArgumentError(`It must be one of ${pipelines.map((one) => one.name).join(', ')}.`);
};
const late = (ms: number) => (ms === 0 ? '' : `${Math.ceil(ms / 60_000)} min`);

const schedule = program
  .command('schedule')
  .description('what runs by schedule, and what ran for each business date');

schedule
  .command('list')
  .description('each schedule with its last and next time; --pipeline: the run of each of its business dates')
  .option('--pipeline <name>', 'the runs of this pipeline', asPipeline)
  .option('--from <date>', 'first business date of the runs', asDate, '2000-01-01')
  .option('--to <date>', 'last business date of the runs', asDate, '9999-12-31')
  .option('--json', 'as JSON')
  .action(({ pipeline, from, to, json }: { pipeline?: string; from: string; to: string; json?: true }) =>
    act(({ runtime }) =>
      pipeline === undefined ? listSchedules(runtime, json) : listRuns(runtime, pipeline, from, to, json),
    ),
  );

type Runtime = Session['runtime'];

async function listRuns({ services }: Runtime, pipeline: string, from: string, to: string, json?: true) {
  const runs = await services.schedules.runs(pipeline, from, to);
  if (json === true) return runs;
  if (runs.length === 0) return 'No run.';
  const rows = runs.map((run) => [
    ...[run.date, run.state, String(run.attempts), minuteOf(run.dueAtMs), minuteOf(run.startedAtMs)],
    minuteOf(run.endedAtMs),
  ]);
  return renderTable([['date', 'state', 'begun', 'due (UTC)', 'started', 'ended'], ...rows], [2]);
}

/** Ticks are looked up in the queue itself: a schedule that was set and is gone is what this must show. */
async function listSchedules({ platform, services }: Runtime, json?: true) {
  const health = await services.operations.health(services.clock.nowMs());
  const overdue = new Map(
    (await listOverdue(jobs, services, health)).map(({ schedule: name, lateMs }) => [name, lateMs]),
  );
  const nextMs = await readSchedulers(platform.queue);
  const ticks = jobs.flatMap(({ name, schedule: declared }) =>
    declared === null
      ? []
      : [
          {
            ...{ schedule: name, cron: declared.cron, timezone: declared.timezone },
            lastAtMs: health.beats[name] ?? null,
            nextAtMs: nextMs.get(name) ?? null,
            overdueMs: overdue.get(name) ?? 0,
          },
        ],
  );
  const runs = (await services.schedules.list(services.clock.nowMs())).map((one) => ({
    ...one,
    overdueMs: overdue.get(one.name) ?? 0,
  }));
  const ok = [...overdue.values()].every((lateMs) => lateMs === 0);
  if (json === true) return { ok, ticks, pipelines: runs };
  const tickRows = ticks.map((tick) => [
    ...[tick.schedule, `${tick.cron} ${tick.timezone}`, minuteOf(tick.lastAtMs)],
    ...[tick.nextAtMs === null ? 'not in the queue' : minuteOf(tick.nextAtMs), late(tick.overdueMs)],
  ]);
  const runRows = runs.map((one) => [
    ...[one.name, `${one.dueTime} ${one.timezone}`],
    ...[one.last === null ? '-' : `${one.last.date} ${one.last.state}`],
    ...[one.waiting, one.missed, one.failed].map(String),
    late(one.overdueMs),
    one.pausedAtMs === null ? '' : `${minuteOf(one.pausedAtMs)} by ${one.pausedBy}: ${one.pauseReason}`,
  ]);
  const text = [
    renderTable([['tick', 'cron', 'last (UTC)', 'next (UTC)', 'overdue'], ...tickRows], []),
    '',
    renderTable(
      [['pipeline', 'due', 'last', 'waiting', 'missed', 'failed', 'overdue', 'paused'], ...runRows],
      [3, 4, 5],
    ),
  ].join('\n');
  return { ok, text };
}

/** Exit status 1 when a date that was asked for will not be run. */
async function backfill(
  { runtime }: Session,
  options: { pipeline: string; from: string; to: string; by: string; reason: string; dryRun?: true },
) {
  const { dryRun, ...asked } = options;
  const { schedules, clock } = runtime.services;
  const dates = await schedules.backfill({ ...asked, dry: dryRun === true }, clock.nowMs());
  return { ok: dates.every(({ state }) => state !== 'not_due' && state !== 'too_late'), dates };
}

schedule
  .command('run')
  .description('has one business date run that has not')
  .argument('<pipeline>', 'as `schedule list` names it', asPipeline)
  .requiredOption('--date <date>', 'business date, YYYY-MM-DD', asDate)
  .requiredOption('--reason <reason>', 'for the audit log', asReason)
  .option('--dry-run', 'say what would run, and write nothing')
  .action((pipeline: string, { date, ...how }: { date: string; reason: string; dryRun?: true }) =>
    act((session, by) => backfill(session, { pipeline, from: date, to: date, by, ...how })),
  );

schedule
  .command('backfill')
  .description('has each business date run that has not, oldest first')
  .argument('<pipeline>', 'as `schedule list` names it', asPipeline)
  .requiredOption('--from <date>', 'first business date', asDate)
  .requiredOption('--to <date>', 'last business date', asDate)
  .requiredOption('--reason <reason>', 'for the audit log', asReason)
  .option('--dry-run', 'say what would run, and write nothing')
  .action((pipeline: string, how: { from: string; to: string; reason: string; dryRun?: true }) =>
    act((session, by) => backfill(session, { pipeline, by, ...how })),
  );

schedule
  .command('pause')
  .description('plans and starts no run until it is resumed; what runs goes on')
  .argument('<pipeline>', 'as `schedule list` names it', asPipeline)
  .requiredOption('--reason <reason>', 'for the audit log', asReason)
  .action((pipeline: string, { reason }: { reason: string }) =>
    act(async ({ runtime: { services } }, by) => ({
      changed: await services.schedules.pause(pipeline, by, reason, services.clock.nowMs()),
    })),
  );

schedule
  .command('resume')
  .description('lets it go on: the next tick plans what came due meanwhile')
  .argument('<pipeline>', 'as `schedule list` names it', asPipeline)
  .action((pipeline: string) =>
    act(async ({ runtime: { services } }, by) => ({
      changed: await services.schedules.resume(pipeline, by, services.clock.nowMs()),
    })),
  );
