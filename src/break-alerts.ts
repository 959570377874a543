import type { Logger } from 'pino';
import type { ErrorReporter } from './integrations/sentry/reporter.ts';
import type { JobServices } from './services.ts';

const DAY_MS = 86_400_000;

/**
 * Tells of breaks that nobody resolved: of more than an amount, or older than so many days (both are settings). The database
 * gives each out once a date, so that several schedulers tell it once.
 */
export async function tellBreaks({
  services: { breaks, clock },
  log,
  reporter,
}: {
  services: Pick<JobServices, 'breaks' | 'clock'>;
  log: Logger;
  reporter: ErrorReporter;
}): Promise<void> {
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
