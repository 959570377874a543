import type { Trace, TraceLink } from '../integrations/supabase/trace.ts';
import { act, program } from './session.ts';
import { amountOf, minuteOf, renderTable } from './table.ts';

program
  .command('trace')
  .description(
    'the way of a cent: call, score, journals, invoice, charge, balance transaction, payout, transfer',
  )
  .argument(
    '<id>',
    'of a call, earning, adjustment, invoice, charge, refund, dispute, top-up, balance transaction, payout (also of the platform to its bank) or transfer, ours or Stripe’s',
  )
  .option('--json', 'as JSON')
  .action((id: string, { json }: { json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const trace = await services.traces.trace(id);
      return json === true ? { id, ...trace } : renderTrace(id, trace);
    }),
  );

/** The links of a trace for people, one a line in the order of the chain; the one that was asked for is marked. */
export function renderTrace(id: string, { kind, links }: Trace): string {
  const rows = links.map((link) => [
    ...[link.id === id ? '>' : '', link.link, link.id ?? '-', link.state],
    ...[amountOf(link.amountMinor, link.currency), minuteOf(link.atMs), notesOf(link)],
  ]);
  const head = ['', 'link', 'id', 'state', 'amount', 'at (UTC)', ''];
  return `${id} is of: ${kind}\n\n${renderTable([head, ...rows], [4])}`;
}

/** The facts of a link as words; amounts among them are in its currency. */
function notesOf({ facts, currency }: TraceLink): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== false && value !== 0)
    .map(([name, value]) => {
      if (name.endsWith('Minor') && typeof value === 'number')
        return `${name.slice(0, -'Minor'.length)} ${amountOf(value, currency)}`;
      return `${name} ${Array.isArray(value) ? value.join(', ') : String(value)}`;
    })
    .join('; ');
}
