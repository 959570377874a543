import { formatMoney } from '../money.ts';
import { act, asReason, asUuid, program } from './session.ts';
import { renderTable } from './table.ts';

const STOPS = {
  no_customer: 'the buyer has no customer at Stripe',
  under_way: 'being charged',
  declined_three_times: 'stopped: declined three times',
  declined_today: 'declined; tried again tomorrow',
  most_per_day: 'charged as often as a day allows',
};

const wallets = program.command('wallets').description('wallets of buyers who pay before their calls');
wallets
  .command('list')
  .description('what each holds, which calls wait for it, and why one is not charged again')
  .option('--json', 'as JSON')
  .action(({ json }: { json?: boolean }) =>
    act(async ({ runtime: { services } }) => {
      const all = await services.wallets.list(services.clock.nowMs());
      if (json === true) return all;
      if (all.length === 0) return 'No buyer has a wallet.';
      const rows = all.map(({ buyer, currency, coverMinor, heldCalls, stoppedBy, lastProblem }) => [
        buyer,
        formatMoney({ amountMinor: coverMinor, currency }),
        String(heldCalls),
        stoppedBy === null ? '' : STOPS[stoppedBy],
        lastProblem ?? '',
      ]);
      return renderTable([['buyer', 'for calls', 'held calls', '', 'last problem'], ...rows], [1, 2]);
    }),
  );
wallets
  .command('recharge')
  .description('charge a wallet now, also one that has stopped charging itself')
  .requiredOption('--buyer <id>', 'of the buyer', asUuid)
  .requiredOption('--currency <code>', 'of the wallet')
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action(({ buyer, currency, reason }: { buyer: string; currency: string; reason: string }) =>
    act(({ runtime: { services } }, by) =>
      services.wallets.recharge(buyer, currency, { by, reason, nowMs: services.clock.nowMs() }),
    ),
  );
