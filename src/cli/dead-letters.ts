import { act, asLetterId, asReason, program } from './session.ts';

const letters = program.command('dead-letters').description('work that ended for good without success');
letters
  .command('list')
  .option('--after <id>', 'go on after this id', asLetterId)
  .action(({ after = null }: { after?: string | null }) =>
    act(({ runtime }) => runtime.services.work.listDead({ afterId: after, limit: 100 })),
  );
for (const action of ['replay', 'discard'] as const) {
  letters
    .command(action)
    .argument('<id>', 'as the list shows it', asLetterId)
    .requiredOption('--reason <text>', 'why, for the audit log', asReason)
    .action((id: string, { reason }: { reason: string }) =>
      act(async ({ runtime }, by) => ({ ok: await runtime.letters[action]({ id, by, reason }), id })),
    );
}
