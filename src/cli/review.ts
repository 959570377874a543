import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import type { HeldCall, ReviewFilter, Word } from '../integrations/supabase/review.ts';
import { rateCall } from '../jobs/fraud/rate.ts';
import { act, asReason, asUuid, program, type Session } from './session.ts';
import { amountOf, minuteOf, renderTable } from './table.ts';

/** As many as are decided at once. */
const MOST = 500;

interface Filters {
  readonly campaign?: string;
  readonly supplier?: string;
  readonly signal?: string;
}

const asLimit = (text: string) => {
  const limit = z.coerce.number().int().min(1).max(MOST).safeParse(text);
  if (limit.success) return limit.data;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST}.`);
};
const filtered = (command: Command) =>
  command
    .option('--campaign <id>', 'only of this campaign', asUuid)
    .option('--supplier <id>', 'only of this supplier', asUuid)
    .option('--signal <name>', 'only with this among the reasons');
const filterOf = ({ campaign, supplier, signal }: Filters): ReviewFilter => ({
  ...{ campaignId: campaign ?? null, supplierId: supplier ?? null, signal: signal ?? null },
});

/** What its buyer would owe for it, by the terms of its start; null where that is not known. */
function owedMinorOf({ terms, durationS, revenue }: HeldCall): number | null {
  const rating = rateCall(terms, { durationS, revenue });
  return typeof rating === 'string' ? null : rating.priceMinor;
}

const review = program.command('review').description('calls that rules hold, and that wait for a person');

filtered(review.command('list'))
  .description('the oldest, with what speaks against each, and what becomes of it when nobody decides')
  .option('--limit <n>', 'at most so many', asLimit, 50)
  .option('--json', 'as JSON')
  .action(({ limit, json, ...filters }: Filters & { limit: number; json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const found = (await services.review.queue(filterOf(filters), limit)).map((call) => ({
        ...call,
        ageMs: services.clock.nowMs() - call.startedAtMs,
        owedMinor: owedMinorOf(call),
        currency: call.terms.currency,
      }));
      if (json === true) return found.map(({ terms: _terms, revenue: _revenue, ...call }) => call);
      if (found.length === 0) return 'No call waits for a person.';
      const rows = found.map((call) => [
        ...[call.callId, `${Math.floor(call.ageMs / 3_600_000)} h`, expiryOf(call), call.supplier],
        ...[call.campaign, `${call.durationS} s`, amountOf(call.owedMinor, call.currency)],
        ...[String(call.score), call.reasons.map(({ text, points }) => `${text} (${points})`).join('; ')],
      ]);
      const head = ['id', 'age', 'then', 'supplier', 'campaign', 'lasted', 'owed', 'score', 'reasons'];
      return renderTable([head, ...rows], [1, 5, 6, 7]);
    }),
  );

const expiryOf = ({ holdUntilMs, holdDefault }: HeldCall) =>
  holdUntilMs === null ? 'waits' : `${holdDefault} ${minuteOf(holdUntilMs)}`;

interface Choice extends Filters {
  readonly all?: true;
  readonly dryRun?: true;
  readonly reason: string;
}

/** The calls that are meant: those named, or with `all` the oldest that the filters let through; never all by default. */
async function chosen(services: Session['runtime']['services'], ids: readonly string[], options: Choice) {
  const isFiltered = Object.values(filterOf(options)).some((value) => value !== null);
  if (ids.length > 0 === (options.all === true) || (ids.length > 0 && isFiltered))
    throw new InvalidArgumentError('Name calls, or say --all, with filters or without.');
  if (ids.length > 0) return { calls: ids.map((callId) => ({ callId })), more: false };
  const found = await services.review.queue(filterOf(options), MOST + 1);
  const calls = found.slice(0, MOST).map(({ callId, supplier, campaign, score }) => ({
    ...{ callId, supplier, campaign, score },
  }));
  return { calls, more: found.length > MOST };
}

const DECIDED = ['scored_again', 'adjusting', 'waiting_approval', 'unchanged'];

for (const [name, word, description] of [
  [
    'approve',
    'qualify',
    'calls qualify, whatever their score: they are scored again, and what their terms ask holds',
  ],
  ['reject', 'reject', 'calls do not qualify; what is owed and earned already is taken out of the books'],
] as const satisfies readonly (readonly [string, Word, string])[]) {
  filtered(review.command(name))
    .description(description)
    .argument('[ids...]', 'of calls, held or not, at most 500')
    .option('--all', 'the oldest 500 that wait, of those that the filters let through')
    .option('--dry-run', 'tell which, and write nothing')
    .requiredOption('--reason <text>', 'why, for the audit log', asReason)
    .action((ids: string[], options: Choice) =>
      act(async ({ runtime: { services } }, by) => {
        const { calls, more } = await chosen(services, ids.map(asUuid), options);
        if (options.dryRun === true) return { dryRun: true, calls, more };
        const callIds = calls.map(({ callId }) => callId);
        const results = await services.review.decide(
          callIds,
          word,
          by,
          options.reason,
          services.clock.nowMs(),
        );
        return { ok: Object.values(results).every((result) => DECIDED.includes(result)), results, more };
      }),
    );
}
