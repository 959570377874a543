import { PermanentError } from '../errors.ts';
import { act, asDate, asReason, asUuid, program } from './session.ts';

const payouts = program.command('payouts').description('money to suppliers');
payouts
  .command('approve')
  .description('let a payout above the limit go; the approval binds to its content')
  .argument('<id>', 'of the payout', asUuid)
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((id: string, { reason }: { reason: string }) =>
    act(({ runtime: { services } }, by) => services.payouts.approve(id, by, reason, services.clock.nowMs())),
  );
for (const action of ['stop', 'start'] as const) {
  payouts
    .command(action)
    .description(action === 'stop' ? 'send nothing more; read before every send' : 'send again')
    .requiredOption('--reason <text>', 'why, for the audit log', asReason)
    .action(({ reason }: { reason: string }) =>
      act(async ({ runtime: { services } }, by) => ({
        stopped: await services.payouts.stop(action === 'stop', by, reason, services.clock.nowMs()),
      })),
    );
}
for (const action of ['hold', 'release'] as const) {
  payouts
    .command(action)
    .description(action === 'hold' ? 'pay a supplier nothing until it is released' : 'pay a supplier again')
    .requiredOption('--supplier <id>', 'of the supplier', asUuid)
    .requiredOption('--reason <text>', 'why, for the audit log; the supplier may read it', asReason)
    .action(({ supplier, reason }: { supplier: string; reason: string }) =>
      act(({ runtime: { services } }, by) =>
        services.payouts.hold(supplier, action === 'hold', by, reason, services.clock.nowMs()),
      ),
    );
}
payouts
  .command('preview')
  .description('who would be paid on a date and what the others wait for; writes nothing')
  .requiredOption('--date <date>', 'business date', asDate)
  .action(({ date }: { date: string }) =>
    act(({ runtime: { services } }) => services.payouts.preview(date, services.clock.nowMs())),
  );
payouts
  .command('show')
  .description('a payout and its attempts')
  .argument('<id>', 'of the payout', asUuid)
  .action((id: string) =>
    act(async ({ runtime: { services } }) => {
      const payout = await services.payouts.show(id);
      if (payout === null) throw new PermanentError('PAYOUT_UNKNOWN', `No payout has the id ${id}.`);
      return payout;
    }),
  );
