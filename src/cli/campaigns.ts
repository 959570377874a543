import type { Proposal } from '../integrations/supabase/campaigns.ts';
import { act, asInstant, asReason, asUuid, program } from './session.ts';
import { amountOf, minuteOf, renderTable } from './table.ts';

const campaigns = program
  .command('campaigns')
  .description(
    'campaigns that are offers of Ringba, Everflow or TUNE: their terms, and what is told of their calls',
  );

campaigns
  .command('diff')
  .description('what the offers say otherwise than the terms; nothing changes until it is applied')
  .option('--json', 'as JSON')
  .action(({ json }: { json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const open = await services.campaigns.proposals();
      if (json === true) return open;
      return open.length === 0 ? 'The terms are as the offers say.' : renderProposals(open);
    }),
  );

campaigns
  .command('apply')
  .description('make what an offer says the terms of its campaign, for calls that start from then on')
  .argument('<id>', 'of the proposal', asUuid)
  .option(
    '--from <time>',
    'a date or an instant (UTC); without, the next midnight of the campaign',
    asInstant,
  )
  .action((id: string, { from }: { from?: string }) =>
    act(async ({ runtime: { services } }, by) => {
      const fromMs = from === undefined ? null : Date.parse(from);
      const { applied, termsId, validFromMs } = await services.campaigns.apply(
        ...([id, fromMs, by, services.clock.nowMs()] as const),
      );
      return { ok: true, applied, termsId, validFrom: new Date(validFromMs).toISOString() };
    }),
  );

campaigns
  .command('dismiss')
  .description('leave the terms as they are; the same is not proposed again')
  .argument('<id>', 'of the proposal', asUuid)
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((id: string, { reason }: { reason: string }) =>
    act(async ({ runtime: { services } }, by) => ({
      ok: await services.campaigns.dismiss(id, by, reason, services.clock.nowMs()),
      id,
    })),
  );

campaigns
  .command('pushes')
  .description('what the platforms were told of calls, and what they refused or are not known to have')
  .option('--json', 'as JSON')
  .action(({ json }: { json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const found = await services.campaigns.pushes();
      if (json === true) return found;
      const counts = found.counts.map(({ provider, state, count }) => [provider, state, String(count)]);
      if (counts.length === 0) return 'No platform was told of a call.';
      const rows = found.troubles.map((one) => [
        ...[one.callId, one.provider, one.state, one.code ?? '', amountOf(one.priceMinor, one.currency)],
        ...[amountOf(one.shareMinor, one.currency), String(one.sends), minuteOf(one.madeMs)],
      ]);
      const head = ['call', 'platform', 'state', 'code', 'price', 'share', 'sent', 'since (UTC)'];
      const troubles = rows.length === 0 ? '' : `\n\n${renderTable([head, ...rows], [4, 5, 6])}`;
      return `${renderTable([['platform', 'state', 'calls'], ...counts], [2])}${troubles}`;
    }),
  );

/** A line for each term that would change; a proposal that cannot be applied says why. */
export function renderProposals(open: readonly Proposal[]): string {
  const rows = open.flatMap((one) => {
    const told = [one.id, one.campaign, `${one.provider} ${one.offerId}`, minuteOf(one.foundMs)];
    if (one.fault !== null) return [[...told, 'CANNOT', one.fault, '']];
    return Object.entries(one.changes).map(([name, { from, to }], nth) => [
      ...(nth === 0 ? told : ['', '', '', '']),
      ...[name, shownAs(name, from, one.currency), shownAs(name, to, one.currency)],
    ]);
  });
  return renderTable([['id', 'campaign', 'offer', 'found (UTC)', 'term', 'is', 'would be'], ...rows], []);
}

/** A term for people, by its name in an import. */
export function shownAs(name: string, value: unknown, currency: string | null): string {
  if (value === null) return '-';
  if (name.endsWith('Minor') && typeof value === 'number') return amountOf(value, currency);
  if (name.endsWith('Bps') && typeof value === 'number') return `${value / 100} %`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
