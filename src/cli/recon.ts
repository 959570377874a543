import { PermanentError } from '../errors.ts';
import type { Break, BreakHistory } from '../integrations/supabase/breaks.ts';
import { CURRENCIES, formatMoney, parseCurrency } from '../money.ts';
import type { JobServices } from '../services.ts';
import { act, asReason, asUuid, program } from './session.ts';
import { minuteOf, renderTable } from './table.ts';

/** How long Stripe may take to say whose a transfer is. */
const PATIENCE_MS = 30_000;

const recon = program.command('recon').description('what differs between Stripe and the books');
recon
  .command('list')
  .description('breaks that are open, the oldest first: what moved, since when, and whom it is about')
  .option('--json', 'as JSON')
  .action(({ json }: { json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const breaks = await services.breaks.list(null, services.clock.nowMs());
      return json === true ? breaks : renderBreaks(breaks);
    }),
  );
recon
  .command('show')
  .description('one break: what each side says, how it stands, and who did what')
  .argument('<identity>', 'of the break, as `recon list` shows it')
  .option('--json', 'as JSON')
  .action((identity: string, { json }: { json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const found = await services.breaks.show(identity, services.clock.nowMs());
      if (found === null) throw new PermanentError('BREAK_UNKNOWN', 'no such break');
      return json === true ? found : renderBreak(found);
    }),
  );
recon
  .command('ignore')
  .description('say why nobody need act on a break: it stops nothing more, as long as it stays the same')
  .argument('<identity>', 'of the break, as `recon list` shows it')
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .option('--json', 'as JSON')
  .action((identity: string, { reason, json }: { reason: string; json?: true }) =>
    act(async ({ runtime: { services } }, by) => {
      const end = await services.breaks.ignore(identity, { by, reason, nowMs: services.clock.nowMs() });
      return json === true ? end : `${identity} is ${end.state}${end.ignored ? '' : ' already'}.`;
    }),
  );
recon
  .command('resolve')
  .description(
    'account for a movement at Stripe that is none of ours: it is booked against suspense, and stops nothing more',
  )
  .argument('<identity>', 'of the break, as `recon list` shows it')
  .requiredOption('--reason <text>', 'what it is, for the audit log', asReason)
  .option('--json', 'as JSON')
  .action((identity: string, { reason, json }: { reason: string; json?: true }) =>
    act(async ({ runtime: { services } }, by) => {
      const end = await resolveBreak(services, identity, { by, reason, nowMs: services.clock.nowMs() });
      if (json === true) return end;
      return end.state === 'waiting_approval'
        ? `Another person must approve it: recon approve ${end.id}`
        : `${identity} is ${end.state}${end.asked ? '' : ' already'}.`;
    }),
  );
recon
  .command('approve')
  .description('let the resolution of a break above the limit go, as another person than the one who asked')
  .argument('<id>', 'of the resolution', asUuid)
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .option('--json', 'as JSON')
  .action((id: string, { reason, json }: { reason: string; json?: true }) =>
    act(async ({ runtime: { services } }, by) => {
      const end = await services.breaks.approve(id, { by, reason, nowMs: services.clock.nowMs() });
      return json === true ? end : `It is ${end.state}${end.approved ? '' : ', as before'}.`;
    }),
  );

/** Breaks for people, a line for each; of a currency that the books do not have the amount is in minor units. */
export function renderBreaks(breaks: readonly Break[]): string {
  if (breaks.length === 0) return 'No break.';
  const rows = breaks.map((one) => [
    ...[one.identity, one.kind, one.category ?? '', amountOf(one), minuteOf(one.firstSeenMs)],
    ...[one.supplier ?? '', one.stopsPayouts ? one.currency : '', one.resolutionId ?? ''],
  ]);
  const head = [
    'identity',
    'kind',
    'category',
    'amount',
    'since (UTC)',
    'supplier',
    'stops payouts',
    'waits for approval',
  ];
  return renderTable([head, ...rows], [3]);
}

/** A break for people: how it stands, each fact of both sides beside the other, and its history. */
export function renderBreak(one: BreakHistory): string {
  const { stripe = {}, ledger = {} } = one.evidence;
  const names = [...new Set([...Object.keys(stripe), ...Object.keys(ledger)])];
  const sides = names.map((name) => [name, String(stripe[name] ?? ''), String(ledger[name] ?? '')]);
  const history = one.history.map(({ atMs, actor, event, kind, amountMinor, reason }) => [
    ...[minuteOf(atMs), event, kind, amountOf({ amountMinor, currency: one.currency }), actor, reason ?? ''],
  ]);
  return [
    `${one.identity} is ${one.state}: ${one.kind}, ${amountOf(one)}, of ${one.day}`,
    renderTable([['', 'Stripe', 'ledger'], ...sides], []),
    renderTable([['at (UTC)', 'event', 'kind', 'amount', 'by', 'why'], ...history], [3]),
  ].join('\n\n');
}

function amountOf({ amountMinor, currency }: Pick<Break, 'amountMinor' | 'currency'>): string {
  const known = Object.hasOwn(CURRENCIES, currency);
  return known
    ? formatMoney({ amountMinor, currency: parseCurrency(currency) })
    : `${amountMinor} ${currency}`;
}

type Store = JobServices['breaks'];
/** What Stripe is asked as, by the category of the movement. */
const ASKED_AT_STRIPE: ReadonlyMap<string, 'transfer' | 'refund' | 'dispute'> = new Map([
  ['transfer', 'transfer'],
  ...['refund', 'refund_failure', 'charge_failure'].map((category) => [category, 'refund'] as const),
  ...['dispute', 'dispute_reversal'].map((category) => [category, 'dispute'] as const),
]);
/** Of a payment that failed late the movement names its charge, which the database knows, or the refund that Stripe made of it. */
const CHARGE_PREFIXES = ['ch_', 'py_'];

/**
 * Resolves a break. Of a transfer, a refund and a dispute Stripe is asked first whose it is: one of our own that the books do not
 * know must not be taken for another system's, because suppliers would then be paid again, or for calls that nobody paid for.
 * Safe to run twice: a break has one resolution.
 */
export async function resolveBreak(
  {
    breaks,
    stripeTransfers,
    stripeWithdrawals,
  }: Pick<JobServices, 'breaks' | 'stripeTransfers' | 'stripeWithdrawals'>,
  identity: string,
  facts: Parameters<Store['resolve']>[2],
): ReturnType<Store['resolve']> {
  const [found] = await breaks.list(identity, facts.nowMs);
  const category = found?.category ?? '';
  const id = found?.sourceId ?? null;
  const kind = ASKED_AT_STRIPE.get(category);
  if (kind === undefined || CHARGE_PREFIXES.some((prefix) => id?.startsWith(prefix)))
    return breaks.resolve(identity, {}, facts);
  if (id === null)
    throw new PermanentError('ANSWER_INVALID', `Stripe does not say which ${category} ${identity} is.`);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  if (kind === 'transfer') {
    const payoutId = await stripeTransfers.readPayoutId(id, { signal });
    return breaks.resolve(identity, { payoutId }, facts);
  }
  const { chargeId } = await stripeWithdrawals.read({ id, kind }, { signal });
  return breaks.resolve(identity, { chargeId }, facts);
}
