// Each import adds its commands to the program; the help lists them in this order.
import './cli/audit.ts';
import './cli/closes.ts';
import './cli/calls.ts';
import './cli/disputes.ts';
import './cli/dead-letters.ts';
import './cli/invoices.ts';
import './cli/ledger.ts';
import './cli/payouts.ts';
import './cli/parties.ts';
import './cli/migrate.ts';
import { program } from './cli/session.ts';

await program.parseAsync();
