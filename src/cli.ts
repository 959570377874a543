import type { Command } from 'commander';
// Each import adds its commands to the program; the help lists them in this order.
import './cli/audit.ts';
import './cli/bank.ts';
import './cli/closes.ts';
import './cli/calls.ts';
import './cli/campaigns.ts';
import './cli/disputes.ts';
import './cli/doctor.ts';
import './cli/dlq.ts';
import './cli/fraud.ts';
import './cli/fraud-snoozes.ts';
import './cli/fraud-suppliers.ts';
import './cli/invoices.ts';
import './cli/ledger.ts';
import './cli/payouts.ts';
import './cli/parties.ts';
import './cli/recon.ts';
import './cli/recon-report.ts';
import './cli/review.ts';
import './cli/statement.ts';
import './cli/trace.ts';
import './cli/wallets.ts';
import './cli/watch.ts';
import './cli/schedule.ts';
import './cli/migrate.ts';
import { program } from './cli/session.ts';

// Whoever scripts a command may ask for JSON, also where it prints nothing else.
const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
for (const command of leaves(program))
  if (!command.options.some(({ long }) => long === '--json')) command.option('--json', 'as JSON, as without');

await program.parseAsync();
