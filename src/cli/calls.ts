import { Option } from 'commander';
import { act, asReason, asUuid, program } from './session.ts';

program
  .command('calls')
  .description('calls that wait for a person')
  .command('decide')
  .description('decide a held call: it is scored again, and the decision goes before the score')
  .argument('<id>', 'of the call', asUuid)
  .addOption(new Option('--as <decision>').choices(['qualify', 'reject']).makeOptionMandatory())
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((id: string, { as, reason }: { as: 'qualify' | 'reject'; reason: string }) =>
    act(async ({ runtime: { services } }, by) => ({
      ok: await services.calls.decide(id, as, by, reason, services.clock.nowMs()),
      id,
    })),
  );
