import { act, asReason, asUuid, program } from './session.ts';

const ledger = program.command('ledger').description('the books: balances, journals, and what is taken back');
ledger
  .command('balance')
  .description('every account that is not zero, by kind, owner and currency; debits are positive')
  .option('--owner <id>', 'only of this buyer or supplier', asUuid)
  .action(({ owner }: { owner?: string }) =>
    act(({ runtime: { services } }) => services.ledger.balances(owner ?? null)),
  );
ledger
  .command('journal')
  .description('the journals of a call, invoice, payout, charge, transfer or adjustment, with their postings')
  .argument('<id>', 'an id of ours or of Stripe, or the key of a journal')
  .action((id: string) => act(({ runtime: { services } }) => services.ledger.journals(id)));
ledger
  .command('adjust')
  .description(
    'take a rated call out of the books, for both sides; above the limit another person approves it',
  )
  .argument('<call>', 'id of the call', asUuid)
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((call: string, { reason }: { reason: string }) =>
    act(({ runtime: { services } }, by) =>
      services.adjustments.ask(call, by, reason, services.clock.nowMs()),
    ),
  );
ledger
  .command('approve')
  .description('let an adjustment above the limit go')
  .argument('<id>', 'of the adjustment', asUuid)
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((id: string, { reason }: { reason: string }) =>
    act(({ runtime: { services } }, by) =>
      services.adjustments.approve(id, by, reason, services.clock.nowMs()),
    ),
  );
ledger
  .command('waiting')
  .description('adjustments that are not posted yet, and what they wait for')
  .action(() => act(({ runtime: { services } }) => services.adjustments.list()));
