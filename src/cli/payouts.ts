import { act, asReason, asUuid, program } from './session.ts';

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
