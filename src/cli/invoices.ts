import { Option } from 'commander';
import { PermanentError } from '../errors.ts';
import type { PreviewedInvoice } from '../integrations/supabase/billing.ts';
import { formatMoney } from '../money.ts';
import { act, asDate, asReason, asUuid, program } from './session.ts';
import { renderTable } from './table.ts';

const STATES = ['waiting_approval', 'planned', 'open', 'paid', 'uncollectible', 'void'];

program
  .command('billing')
  .description('what buyers will be invoiced')
  .command('preview')
  .description('what the close of a date would invoice, beside each buyer’s last invoice; writes nothing')
  .requiredOption('--date <date>', 'business date, YYYY-MM-DD', asDate)
  .option('--json', 'as JSON')
  .action(({ date, json }: { date: string; json?: boolean }) =>
    act(async ({ runtime: { services } }) => {
      const due = await services.billing.preview(date);
      return json === true ? due : describePreview(date, due);
    }),
  );

const invoices = program.command('invoices').description('invoices of buyers');
invoices
  .command('list')
  .description('the newest, at most 200')
  .addOption(new Option('--state <state>', 'only these').choices(STATES))
  .option('--buyer <id>', 'only of this buyer', asUuid)
  .action(({ state, buyer }: { state?: string; buyer?: string }) =>
    act(({ runtime: { services } }) =>
      services.billing.list({ state: state ?? null, buyerId: buyer ?? null }),
    ),
  );
invoices
  .command('overdue')
  .description('buyers of whom something is overdue, their limits, and who is paused for it')
  .action(() => act(({ runtime: { services } }) => services.billing.overdue(services.clock.nowMs())));
invoices
  .command('show')
  .description('one invoice with its lines, charges, credit notes, journals and tries')
  .argument('<id>', 'of the invoice', asUuid)
  .action((id: string) =>
    act(async ({ runtime: { services } }) => {
      const invoice = await services.billing.show(id);
      if (invoice === null) throw new PermanentError('INVOICE_UNKNOWN', `No invoice has the id ${id}.`);
      return invoice;
    }),
  );
invoices
  .command('approve')
  .description('let an invoice go that changed too much since the last; the approval binds to its content')
  .argument('<id>', 'of the invoice', asUuid)
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((id: string, { reason }: { reason: string }) =>
    act(({ runtime: { services } }, by) => services.billing.approve(id, by, reason, services.clock.nowMs())),
  );

const REASONS = {
  below_minimum: 'rolls to the next period: below the minimum charge',
  period_billed: 'late: on the invoice of the next period',
  changed_too_much: 'waits for approval: changed too much',
};

function describePreview(date: string, due: readonly PreviewedInvoice[]): string {
  if (due.length === 0) return `Nothing is due on ${date}.`;
  const rows = due.map(({ buyer, calls, amountMinor, lastMinor, automaticTax, currency, reason }) => [
    buyer,
    String(calls),
    formatMoney({ amountMinor, currency }),
    automaticTax ? 'comes on top' : '',
    lastMinor === null ? 'none' : formatMoney({ amountMinor: lastMinor, currency }),
    reason === null ? '' : REASONS[reason],
  ]);
  return renderTable([['buyer', 'calls', 'amount', 'tax', 'last invoice', ''], ...rows], [1, 2, 4]);
}
