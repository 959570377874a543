import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Bank, changeBank } from './banks.ts';
import { createBooks } from './books.ts';
import { openClock, type SimulatorClock } from './clock.ts';
import { advance, giveBack } from './control.ts';
import { createFaults, type Faults } from './faults.ts';
import { createHttpServer } from './http.ts';
import { createKeys } from './idempotency.ts';
import { createJournal, type Journal } from './journal.ts';
import { createLimiter } from './limiter.ts';
import { type PayoutFailure, type PayoutSchedule, schedulePayouts } from './payouts.ts';
import type { Machine } from './requests.ts';
import { type Settlement, settleIn } from './settlement.ts';
import { openStore } from './store.ts';
import { type TaxedPlace, taxAt } from './taxes.ts';
import { createWebhooks, type WebhookTarget } from './webhooks.ts';

export interface SimulatorOptions {
  /** Holds the one database file; opened again, the simulator goes on where it was. */
  readonly dataDir: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly secretKey: string;
  readonly webhook: WebhookTarget | null;
  /** Where the clock of a new data directory starts; default: real time. */
  readonly startMs?: number;
}

export interface StripeSimulator {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly clock: SimulatorClock;
  readonly faults: Faults & {
    pruneKeys(): void;
    changeBank(bank: Bank): void;
    schedulePayouts(schedule: PayoutSchedule): void;
    failPayout(failure: PayoutFailure): void;
    settleIn(settlement: Settlement): void;
    taxAt(place: TaxedPlace): void;
  };
  readonly journal: Journal;
  close(): Promise<void>;
}

/**
 * A Stripe account that behaves, over real HTTP, and is durable: what it answered is on the disk.
 *
 * It is the judge of every test of money: `journal` tells what really moved.
 */
export async function createStripeSimulator(options: SimulatorOptions): Promise<StripeSimulator> {
  const store = openStore(options.dataDir);
  const clock = openClock(store, options.startMs);
  const books = createBooks(store);
  const faults = createFaults();
  const limiter = createLimiter();
  const keys = createKeys(store, clock.nowMs);
  const webhooks = createWebhooks(store, faults, options.webhook);
  const closing = new AbortController();
  const machine: Machine = {
    store,
    books,
    clock,
    keys,
    faults,
    limiter,
    webhooks,
    secretKey: options.secretKey,
    closing: closing.signal,
  };
  const journal = createJournal(store);
  const server = createHttpServer(machine, journal);
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  webhooks.wake();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    clock: { nowMs: clock.nowMs, advanceTo: (ms) => advance(machine, ms) },
    faults: {
      add: faults.add,
      clear: faults.clear,
      stallingCount: faults.stallingCount,
      resume: faults.resume,
      deliverTwiceShuffled: faults.deliverTwiceShuffled,
      pruneKeys: () => void keys.prune(true),
      settleIn: (settlement) => settleIn(store, settlement),
      taxAt: (place) => taxAt(store, place),
      schedulePayouts: (schedule) => schedulePayouts(store, schedule, Math.floor(clock.nowMs() / 1_000)),
      failPayout: (failure) => giveBack(machine, failure),
      changeBank: (bank) => changeBank(store, bank, Math.floor(clock.nowMs() / 1_000)),
    },
    journal,
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      server.close();
      server.closeAllConnections();
      await webhooks.close();
      store.close();
    },
  };
}
