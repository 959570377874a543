import { expect, test } from 'vitest';
import { jobs } from '../../src/jobs/registry.ts';
import { BACKENDS } from './backends.ts';
import { type Business, noonOf, openBusiness, pastDates } from './business.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';
import { type Supervisor, supervise } from './supervisor.ts';

/** Stripe's money becomes available after two days, so that the third close may pay somebody and the fourth does; by then some can be given back. */
const UNDISTURBED = 4;
/** Enough that no piece of work meets more deaths than it may. */
const DISTURBED = 4;
/** For boundaries that were not met on their date. */
const SPARE = 3;
const WITHOUT_EFFECT = [
  ...['log', 'clock', 'bodies', 'callReports', 'callEvents', 'callLogReaders', 'found', 'stripeMode'],
  // No provider keeps a log of this house's calls: tests/real/call-log-pages.test.ts dies at each of its steps.
  'callLogs',
  // No campaign of this house is an offer of a platform: tests/real/conversion-pushes.test.ts dies at each step.
  ...['campaigns', 'campaignBooks'],
  // No rules of this house ask about callers: tests/real/number-lookups.test.ts has a worker die between.
  'lookupProviders',
];

/**
 * A death before or after these is the same as one after the effect before them: they read, or they only hold another
 * boundary, as `stripeInvoices.pay` holds the request to Stripe that pays. Whatever is not here is walked.
 */
const NO_EFFECT_OF_THEIR_OWN = [
  ...['operations.health', 'work.listDead', 'letters.listLetterIds', 'calls.scoringContext'],
  ...['fraud.ruleSets', 'fraud.callsToRescore'],
  // Only for a letter that another's death, or a moment, left unwritten: it may not come at all.
  'letters.addLetter',
  // Only where a night finds events of its own business time; tests/real/stripe-events.test.ts dies at each step.
  ...['stripeEvents.recover', 'stripeEvents.readUntil', 'stripeEventList.readPage', 'stripe.events.list'],
  ...[
    'reconciliation.withdrawalsToRead',
    'reconciliation.reversalsToRead',
    'stripe.refunds.retrieve',
    'stripe.balanceTransactions.retrieve',
    'stripe.accounts.retrieve',
    'stripe.invoices.list',
    'stripe.invoices.retrieve',
    'stripe.transfers.list',
    'stripe.payouts.retrieve',
    'stripe.payouts.list',
  ],
  ...['stripe.invoices.listLineItems', 'stripe.paymentIntents.retrieve', 'stripe.balanceTransactions.list'],
  ...['stripeInvoices.issue', 'stripeInvoices.read', 'stripeInvoices.pay', 'stripeTransfers.send'],
  ...[
    'stripeTransfers.findByPayout',
    'stripeBalance.listPage',
    'stripeWithdrawals.read',
    'stripeTransfers.readReversal',
    'stripeAccounts.mayReceive',
    'stripeAccounts.readBankPayout',
    'stripeAccounts.listBankPayouts',
    'bankPayouts.accountsToRead',
    'stripe.customers.retrieve',
    'stripeTopups.prepare',
    'stripeTopups.charge',
  ],
];

async function playDate(business: Business, date: string): Promise<Record<string, unknown>> {
  await business.addHopeless(date);
  await business.send(date);
  await business.refund();
  await business.takeBack();
  await business.reverse();
  await business.touchAccount(date);
  await business.tick(date);
  return business.untilClosed(date, 200_000);
}

const crossedBy = (lines: readonly string[]) =>
  lines.flatMap((line) => (line.startsWith('crossed ') ? [line.slice('crossed '.length)] : []));
/** Where nothing can be taken back: a death before is not the same there as one after the effect before it. */
const OUTSIDE = ['stripe', 'enqueuer'];

/** In one job a death before an effect is one after the effect before it, so the first kind is walked only outside. */
function isWalked(boundary: string): boolean {
  const effect = boundary.slice(0, boundary.lastIndexOf(':'));
  if (NO_EFFECT_OF_THEIR_OWN.includes(effect) || effect.endsWith('.close')) return false;
  return boundary.endsWith(':after') || OUTSIDE.some((part) => effect.startsWith(`${part}.`));
}

/** The boundaries that an undisturbed life crosses, of server and worker. */
async function record(house: ChaosHouse, business: Business, dates: readonly string[]) {
  const server = house.start('server', { env: { KILL_POINT: 'tell' } });
  const worker = house.start('worker', { env: { KILL_POINT: 'tell' } });
  await Promise.all([server.waitForLine('listening', 90_000), worker.waitForLine('working', 90_000)]);
  for (const date of dates) await playDate(business, date);
  await business.untilIdle();
  // They end by themselves, so that what they have compiled is kept for those that are killed.
  for (const process of [server, worker]) process.signal('SIGTERM');
  await Promise.all([server.ended, worker.ended]);
  return { server: crossedBy(server.lines), worker: crossedBy(worker.lines) };
}

test.each(BACKENDS)(
  'a process may die at any boundary of any effect, on %s: every road ends, and every effect is there once',
  async (backend) => {
    const dates = pastDates(UNDISTURBED + DISTURBED + SPARE);
    const house = await openChaosHouse({ backend, startMs: noonOf(dates[0] ?? ''), lockMs: 1_000 });
    const started: Supervisor[] = [];
    try {
      const business = await openBusiness(house, { dates, callsPerDate: 8, seed: 7 });
      const recorded = await record(house, business, dates.slice(0, UNDISTURBED));
      const used = new Set(jobs.flatMap(({ uses }) => uses).filter((name) => !WITHOUT_EFFECT.includes(name)));
      const isCrossed = (name: string) => recorded.worker.some((boundary) => boundary.startsWith(`${name}.`));
      expect([...used].filter((name) => !isCrossed(name))).toEqual([]);

      const effects = { server: recorded.server.filter(isWalked), worker: recorded.worker.filter(isWalked) };
      const server = supervise(house, 'server');
      const worker = supervise(house, 'worker');
      started.push(server, worker);
      for (const [nth, date] of dates.slice(UNDISTURBED).entries()) {
        if (nth >= DISTURBED && server.left.size + worker.left.size === 0) break;
        const isMine = (_: string, index: number) => index % DISTURBED === nth;
        for (const boundary of effects.server.filter(isMine)) server.left.add(boundary);
        for (const boundary of effects.worker.filter(isMine)) worker.left.add(boundary);
        for (const one of started) one.kill();
        const playing = playDate(business, date);
        await Promise.race(started.map((one) => one.during(playing)));
      }
      await business.untilIdle();
      await Promise.all(started.splice(0).map((one) => one.stop()));
      expect(new Set(server.deaths)).toEqual(new Set(effects.server));
      expect(new Set(worker.deaths)).toEqual(new Set(effects.worker));
      await business.close();
      expect((await house.audit(business.sent())).failures).toEqual([]);
    } finally {
      await Promise.allSettled(started.map((one) => one.stop()));
      await house.close();
    }
  },
  900_000,
);
