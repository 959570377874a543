import { PermanentError } from '../errors.ts';
import { act, asDate, asUuid, program } from './session.ts';
import { minuteOf, renderTable } from './table.ts';

const calls = program.command('calls').description('calls, and what their providers’ own logs say of them');

calls
  .command('show')
  .description('a call as the books know it, and whether a webhook brought it or the provider’s log')
  .argument('<id>', 'of the call', asUuid)
  .action((id: string) =>
    act(async ({ runtime: { services } }) => {
      const call = await services.callLogs.showCall(id);
      if (call === null) throw new PermanentError('CALL_UNKNOWN', `no call has the id ${id}`);
      return call;
    }),
  );

calls
  .command('log')
  .description('what the providers’ logs said of a date: what no webhook had brought, what has come of it')
  .requiredOption('--date <date>', 'business date', asDate)
  .option('--json', 'as JSON')
  .action(({ date, json }: { date: string; json?: boolean }) =>
    act(async ({ runtime: { services } }) => {
      const report = await services.callLogs.report(date);
      if (json) return report;
      const runs = report.runs.map((run) => [
        run.source,
        ...[run.read, run.missing, run.recovered, run.changed, run.absent, run.unreadable].map(String),
        minuteOf(run.endedAtMs),
      ]);
      const breaks = report.breaks.map(({ source, externalId, kind, state, foundAtMs }) => [
        ...[source, externalId, kind, state, minuteOf(foundAtMs)],
      ]);
      const head = ['source', 'read', 'missing', 'recovered', 'changed', 'absent', 'unreadable', 'ended'];
      return {
        text: [
          renderTable([head, ...runs], [1, 2, 3, 4, 5, 6]),
          ...(breaks.length === 0
            ? []
            : ['', renderTable([['source', 'call', 'kind', 'state', 'found'], ...breaks], [])]),
        ].join('\n'),
      };
    }),
  );
