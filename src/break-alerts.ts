import type { Logger } from 'pino';
import { z } from 'zod';
import type { ErrorReporter } from './integrations/sentry/reporter.ts';
import type { TableSubscription } from './integrations/supabase/realtime.ts';
import type { JobServices } from './services.ts';

const DAY_MS = 86_400_000;

/** Of a row of reconciliation_breaks, as realtime sends it. */
const changedBreak = z.object({ state: z.string() });

interface Telling {
  readonly services: Pick<JobServices, 'breaks' | 'clock'>;
  readonly log: Logger;
  readonly reporter: ErrorReporter;
}

/** Tells of a break when it is found, and from time to time of those that became old. The database has the mark: who was told. */
export function watchBreaks(telling: Telling): TableSubscription<z.output<typeof changedBreak>> {
  return {
    table: 'reconciliation_breaks',
    row: changedBreak,
    async onRow({ state }) {
      if (state === 'open') await tellBreaks(telling);
    },
    reread: () => tellBreaks(telling),
  };
}

/**
 * Tells of breaks that nobody resolved: of more than an amount, or older than so many days (both are settings). The database
 * gives each out once a date, so that several schedulers tell it once.
 */
export async function tellBreaks({ services: { breaks, clock }, log, reporter }: Telling): Promise<void> {
  const nowMs = clock.nowMs();
  for (const { identity, kind, currency, amountMinor, firstSeenMs } of await breaks.takeToTell(nowMs)) {
    const days = Math.floor((nowMs - firstSeenMs) / DAY_MS);
    log.error({ code: 'BREAK_UNRESOLVED', identity, kind, currency, amountMinor, days }, 'a break is open');
    reporter.report(
      {
        code: 'BREAK_UNRESOLVED',
        message: `${identity}: ${kind}, ${amountMinor} ${currency} (minor units), open for ${days} days`,
      },
      { job: 'reconciliation.reconcile-money', attempt: 0, key: identity, trace: 'scheduler' },
    );
  }
}
