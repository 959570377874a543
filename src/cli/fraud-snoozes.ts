import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { signals } from '../jobs/fraud/signals.ts';
import { fraud } from './fraud-command.ts';
import { act, asInstant, asReason, asUuid } from './session.ts';
import { minuteOf, renderTable } from './table.ts';

const asNumber = (text: string) => {
  if (z.e164().safeParse(text).success) return text;
  throw new InvalidArgumentError('It must be a number in E.164, such as +12125550123.');
};
const asSnoozeId = (text: string) => {
  const id = z.coerce.number().int().positive().safeParse(text);
  if (id.success) return id.data;
  throw new InvalidArgumentError('It must be the number of a snooze.');
};

interface Snooze {
  readonly signal: string;
  readonly supplier?: string;
  readonly caller?: string;
  readonly campaign?: string;
  readonly until: string;
  readonly reason: string;
}

/** The one whose calls are meant. */
function subjectOf({ supplier, caller, campaign }: Snooze) {
  const given = Object.entries({ supplier, caller, campaign } as const).flatMap(([kind, subject]) =>
    subject === undefined ? [] : [{ subjectKind: kind as 'supplier' | 'caller' | 'campaign', subject }],
  );
  const [only, ...more] = given;
  if (only === undefined || more.length > 0)
    throw new InvalidArgumentError('Name one of --supplier, --caller and --campaign.');
  return only;
}

fraud
  .command('snooze')
  .description('leave a signal out of the scores of calls that start from now on, until a time')
  .addOption(
    new Option('--signal <name>', 'which').choices(signals.map(({ name }) => name)).makeOptionMandatory(),
  )
  .option('--supplier <id>', 'for the calls of this supplier', asUuid)
  .option('--caller <number>', 'or of this caller', asNumber)
  .option('--campaign <id>', 'or of this campaign', asUuid)
  .requiredOption('--until <time>', 'a date or an instant (UTC), on which it counts again', asInstant)
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((options: Snooze) =>
    act(async ({ runtime: { services } }, by) => {
      const { signal, until, reason } = options;
      const snooze = { signal, ...subjectOf(options), untilMs: Date.parse(until) };
      return { ok: true, id: await services.review.snooze(snooze, by, reason, services.clock.nowMs()) };
    }),
  );

fraud
  .command('snoozes')
  .description('the signals that are left out now; --end: ends one, for calls that start from now on')
  .option('--end <number>', 'as the list shows it', asSnoozeId)
  .option('--reason <text>', 'why it is ended, for the audit log', asReason)
  .option('--json', 'as JSON')
  .action(({ end, reason, json }: { end?: number; reason?: string; json?: true }) =>
    act(async ({ runtime: { services } }, by) => {
      const nowMs = services.clock.nowMs();
      if (end !== undefined) {
        if (reason === undefined) throw new InvalidArgumentError('Say why, by --reason.');
        return { ok: await services.review.endSnooze(end, by, reason, nowMs), id: end };
      }
      const all = await services.review.snoozes(nowMs);
      if (json === true) return all;
      if (all.length === 0) return 'No signal is snoozed.';
      const rows = all.map(({ id, signal, subjectKind, subject, untilMs, madeBy, reason: why }) => [
        ...[String(id), signal, `${subjectKind} ${subject}`, minuteOf(untilMs), madeBy, why],
      ]);
      return renderTable([['number', 'signal', 'for', 'until (UTC)', 'by', 'reason'], ...rows], [0]);
    }),
  );
