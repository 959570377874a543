import { Option } from 'commander';
import { act, asReason, asUuid, program } from './session.ts';

const asUuids = (text: string, before: readonly string[] = []) => [...before, asUuid(text)];

const disputes = program.command('disputes').description('calls that a buyer says it does not owe');
disputes
  .command('list')
  .description('the newest, at most 200')
  .addOption(new Option('--state <state>', 'only these').choices(['open', 'approved', 'denied']))
  .action(({ state }: { state?: string }) =>
    act(({ runtime: { services } }) => services.adjustments.disputes(state ?? null)),
  );
disputes
  .command('open')
  .description('a buyer disputes calls: until it is decided they are on no invoice and in no payout')
  .argument('<call...>', 'ids of calls', asUuids)
  .requiredOption('--reason <text>', 'what the buyer says; both sides may read it', asReason)
  .action((calls: string[], { reason }: { reason: string }) =>
    act(({ runtime: { services } }, by) =>
      services.adjustments.dispute(calls, by, reason, services.clock.nowMs()),
    ),
  );
for (const decision of ['approve', 'deny'] as const) {
  disputes
    .command(decision)
    .description(
      decision === 'approve'
        ? 'the calls are owed no more, and earned no more'
        : 'the calls stand for both sides',
    )
    .argument('<call...>', 'ids of calls', asUuids)
    .requiredOption('--reason <text>', 'why; both sides may read it', asReason)
    .action((calls: string[], { reason }: { reason: string }) =>
      act(({ runtime: { services } }, by) =>
        services.adjustments.decide(calls, decision === 'approve', by, reason, services.clock.nowMs()),
      ),
    );
}
