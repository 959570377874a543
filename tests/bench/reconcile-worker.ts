import { z } from 'zod';
import { startLite } from '../../sandbox/database/lite.ts';
import { createStripeBalance } from '../../src/integrations/stripe/balance.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeTransfers } from '../../src/integrations/stripe/transfers.ts';
import { createDatabase } from '../../src/integrations/supabase/client.ts';
import { createReconciliationStore } from '../../src/integrations/supabase/reconciliation.ts';
import { listMovements } from '../../src/jobs/reconciliation/reconcile-money.job.ts';

/** What a worker does of a comparison, step by step as `npm run bench -- reconcile` asks, in a process of its own: its memory is measured. */
const houseSchema = z.object({
  ...{ authenticatorUrl: z.string(), jwtSecret: z.string(), stripeUrl: z.string() },
  ...{ nowMs: z.int(), date: z.iso.date() },
});
const WARMING_PAGES = 100;

const { authenticatorUrl, jwtSecret, stripeUrl, nowMs, date } = houseSchema.parse(
  JSON.parse(process.argv[2] ?? ''),
);
const { signal } = new AbortController();
const lite = await startLite({ authenticatorUrl, jwtSecret });
const database = createDatabase({ url: lite.url, secretKey: lite.serviceKey, fetch: lite.fetch });
const reconciliation = createReconciliationStore(database.rpc);
const client = createStripeClient({
  ...{ secretKey: 'sk_test_bench', apiBase: new URL(stripeUrl), timeoutMs: 20_000, livemode: false },
  onFailure: (failure) => console.error(failure),
});
const balance = createStripeBalance(client);
const transfers = createStripeTransfers(client);
const clock = { nowMs: () => nowMs };

/** Fetches and validates pages, at most so many, and drops them. */
async function drop(pages: number): Promise<void> {
  let left = pages;
  const listing = { id: 0, cursor: null, createdFromMs: 0, createdBeforeMs: nowMs, startedMs: nowMs };
  const dropping = { ...reconciliation, openListing: async () => listing, storePages: async () => 0 };
  const stripeBalance: typeof balance = {
    ...balance,
    async listPage(window) {
      const page = await balance.listPage(window);
      left -= 1;
      return left > 0 ? page : { ...page, next: null };
    },
  };
  await listMovements({ stripeBalance, reconciliation: dropping, clock }, signal);
}

const steps: Record<string, () => Promise<unknown>> = {
  warm: () => drop(WARMING_PAGES),
  drop: () => drop(Number.POSITIVE_INFINITY),
  store: () => listMovements({ stripeBalance: balance, reconciliation, clock }, signal),
  match: async () => {
    while (await reconciliation.match(nowMs));
  },
  identify: async () => {
    for (const { movementId, transferId } of await reconciliation.transfersToIdentify(nowMs))
      await reconciliation.noteClaim(movementId, await transfers.readPayoutId(transferId, { signal }));
  },
  compare: () => reconciliation.reconcile(date, { dueMs: nowMs, listedMs: nowMs }, nowMs),
};

process.on('message', async (step: string) => {
  const startedMs = performance.now();
  await steps[step]?.();
  process.send?.({ tookMs: performance.now() - startedMs, rssMb: process.resourceUsage().maxRSS / 1_024 });
});
process.send?.('ready');
