import { z } from 'zod';
import { bankSchema, changeBank } from './banks.ts';
import { faultSchema } from './faults.ts';
import type { Journal } from './journal.ts';
import { limitsSchema } from './limiter.ts';
import type { Kind } from './objects.ts';
import { failPayout, failureSchema, type PayoutFailure, schedulePayouts, scheduleSchema } from './payouts.ts';
import { contextOf, type Machine, settle } from './requests.ts';
import { settleIn, settlementSchema } from './settlement.ts';
import { taxAt, taxSchema } from './taxes.ts';

interface ControlRequest {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly body: string;
}

/**
 * Steers the simulator from another process, in JSON:
 * `GET /_sim/clock`, `POST /_sim/clock {nowMs}`, `POST /_sim/faults {kind, …}`, `DELETE /_sim/faults`, `POST /_sim/banks {account, failsWith}`, `POST /_sim/settlement {currency, into, rate}`, `POST /_sim/taxes {country, state, percent}`,
 * `POST /_sim/payouts {interval}`, `POST /_sim/payouts/fail {payout, failsWith}`, `POST /_sim/webhooks {twiceShuffled}`, `POST /_sim/keys/prune {everything}`, `POST /_sim/limits {perS, endpointPerS}` (or null), `GET /_sim/limits`, `GET /_sim/state[?kind=transfer]`.
 */
export function control(
  machine: Machine,
  journal: Journal,
  request: ControlRequest,
): { status: number; value: unknown } {
  const { clock, faults, keys, limiter } = machine;
  const body = <T>(schema: z.ZodType<T>): T => schema.parse(JSON.parse(request.body));
  switch (`${request.method} ${request.path}`) {
    case 'GET /_sim/clock':
      return ok({ nowMs: clock.nowMs() });
    case 'POST /_sim/clock':
      advance(machine, body(z.strictObject({ nowMs: z.int() })).nowMs);
      return ok({ nowMs: clock.nowMs() });
    case 'POST /_sim/faults':
      faults.add(body(faultSchema));
      return ok({});
    case 'DELETE /_sim/faults':
      faults.clear();
      return ok({});
    case 'POST /_sim/banks':
      changeBank(machine.store, body(bankSchema), Math.floor(clock.nowMs() / 1_000));
      return ok({});
    case 'POST /_sim/payouts':
      schedulePayouts(machine.store, body(scheduleSchema), Math.floor(clock.nowMs() / 1_000));
      return ok({});
    case 'POST /_sim/payouts/fail':
      giveBack(machine, body(failureSchema));
      return ok({});
    case 'POST /_sim/settlement':
      settleIn(machine.store, body(settlementSchema));
      return ok({});
    case 'POST /_sim/taxes':
      taxAt(machine.store, body(taxSchema));
      return ok({});
    case 'POST /_sim/webhooks':
      faults.deliverTwiceShuffled(body(z.strictObject({ twiceShuffled: z.boolean() })).twiceShuffled);
      return ok({});
    case 'POST /_sim/keys/prune':
      return ok({ pruned: keys.prune(body(z.strictObject({ everything: z.boolean() })).everything) });
    case 'POST /_sim/limits':
      limiter.set(body(limitsSchema.nullable()));
      return ok({});
    case 'GET /_sim/limits':
      return ok(limiter.counts());
    case 'GET /_sim/state':
      return ok(state(machine, journal, new URLSearchParams(request.search).get('kind')));
    default:
      return { status: 404, value: { error: 'no such control' } };
  }
}

/** Moves the clock and makes available what is due by then. */
export function advance(machine: Machine, ms: number): void {
  machine.store.transaction(() => {
    machine.clock.advanceTo(ms);
    settle(machine);
  });
  machine.webhooks.wake();
}

/** The platform's bank gives a payout back. */
export function giveBack(machine: Machine, failure: PayoutFailure): void {
  machine.store.transaction(() => failPayout(contextOf(machine, null, null), failure));
  machine.webhooks.wake();
}

function state({ store, books, clock }: Machine, journal: Journal, kind: string | null): object {
  if (kind !== null) return { data: journal.all(kind as Kind) };
  const counts = store.rows('SELECT kind, count(*) AS count FROM objects GROUP BY kind ORDER BY kind');
  const waiting = store.rows('SELECT count(*) AS count FROM deliveries WHERE delivered = 0')[0]?.count;
  return {
    nowMs: clock.nowMs(),
    balance: books.balance(),
    counts: Object.fromEntries(counts.map((row) => [row.kind, row.count])),
    undelivered: waiting,
    requests: journal.requests(),
    problems: journal.check(),
  };
}

function ok(value: unknown) {
  return { status: 200, value };
}
