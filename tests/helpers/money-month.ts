import fc from 'fast-check';
import { joinColumns, toColumns } from '../../src/movement-columns.ts';
import type { TestDatabase } from './database.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export const KINDS = [
  ...['missing_in_ledger', 'missing_in_stripe', 'amount', 'fee', 'currency', 'duplicate', 'expected'],
  ...['orphan_transfer', 'wrong_day', 'unknown_category'],
] as const;
type Kind = (typeof KINDS)[number];

export interface Injection {
  /** Of the break that it must become. */
  readonly identity: string;
  readonly kind: Kind;
}

export interface Movement {
  id: string;
  source: string;
  category: string;
  amount: number;
  fee: number;
  currency: string;
  rate: string | null;
  createdMs: number;
  availableMs: number;
}

export interface Line {
  template: string;
  key: string;
  currency: string;
  amounts: Record<string, number>;
  refs: Record<string, string | number>;
  postedMs: number;
}

interface Month {
  readonly seed: number;
  readonly movements: readonly Movement[];
  readonly lines: readonly Line[];
  readonly injected: readonly Injection[];
}

/** What happens in a month: how many of it, and how a movement of it is booked. */
const EVENTS = {
  charge: { category: 'charge', sign: 1, template: 'charge', source: 'ch', ref: 'chargeId' },
  payout: { category: 'transfer', sign: -1, template: 'payout_send', source: 'tr', ref: 'transferId' },
  refund: { category: 'refund', sign: -1, template: 'refund', source: 're', ref: 'withdrawalId' },
  dispute: { category: 'dispute', sign: -1, template: 'dispute', source: 'dp', ref: 'withdrawalId' },
  won: { category: 'dispute_reversal', sign: 1, template: 'dispute_won', source: 'dr', ref: 'withdrawalId' },
  reversal: {
    ...{
      category: 'transfer_reversal',
      sign: 1,
      template: 'transfer_reversal',
      source: 'trr',
      ref: 'reversalId',
    },
  },
} as const;
type Event = keyof typeof EVENTS;

const facts = fc.record({
  event: fc.constantFrom(...(Object.keys(EVENTS) as Event[])),
  amount: fc.integer({ min: 500, max: 90_000 }),
  fee: fc.integer({ min: 1, max: 400 }),
  currency: fc.constantFrom('usd', 'eur', 'jpy'),
  minutes: fc.integer({ min: 0, max: 15 * 24 * 60 }),
  /** Booked so many minutes after it moved, over midnight too. */
  bookedAfter: fc.integer({ min: 0, max: 1_500 }),
  coin: fc.boolean(),
});
type Facts = typeof facts extends fc.Arbitrary<infer T> ? T : never;
const plan = fc.record({
  events: fc.array(facts, { minLength: 6, maxLength: 24 }),
  breaks: fc.array(fc.record({ kind: fc.constantFrom(...KINDS), facts }), { maxLength: 6 }),
  inFlight: fc.array(facts, { maxLength: 2 }),
});

/** A month whose two sides agree, but for what was injected; the same for the same seed. Its ids hold `_<seed>_`. */
export function monthOf(seed: number, nowMs: number): Month {
  const [drawn] = fc.sample(plan, { seed, numRuns: 1 });
  if (drawn === undefined) throw new Error('nothing was drawn');
  const clean = drawn.events.map((one, nth) => pairOf(`${seed}_${nth}`, one, nowMs));
  // Moved or booked in this very minute: neither is a break yet.
  const inFlight = drawn.inFlight.map((one, nth): Spoilt => {
    const { movement, line } = pairOf(`${seed}_f${nth}`, one, nowMs);
    return one.coin
      ? { movements: [{ ...movement, createdMs: nowMs - 30_000 }], lines: [], injected: [] }
      : { movements: [], lines: [{ ...line, postedMs: nowMs }], injected: [] };
  });
  const spoilt = drawn.breaks.map(({ kind, facts: one }, nth) => spoil(kind, `${seed}_x${nth}`, one, nowMs));
  const all = [...inFlight, ...spoilt];
  return {
    seed,
    movements: [...clean.map(({ movement }) => movement), ...all.flatMap(({ movements }) => movements)],
    lines: [...clean.map(({ line }) => line), ...all.flatMap(({ lines }) => lines)],
    injected: all.flatMap(({ injected }) => injected),
  };
}

interface Spoilt {
  readonly movements: readonly Movement[];
  readonly lines: readonly Line[];
  readonly injected: readonly Injection[];
}

/** Something that moved at Stripe and is booked as it moved. */
function pairOf(id: string, { event, amount, currency, ...one }: Facts, nowMs: number) {
  const { category, sign, template, source, ref } = EVENTS[event];
  const movesWhole = event === 'payout' || event === 'reversal';
  const paid = movesWhole ? 0 : one.fee;
  const createdMs = nowMs - 18 * DAY_MS + one.minutes * 60_000;
  const availableMs = createdMs + 2 * DAY_MS;
  const movement: Movement = {
    ...{ id: `txn_${id}`, source: `${source}_${id}`, category, amount: sign * amount, currency, rate: null },
    ...{ fee: event === 'won' ? -paid : paid, createdMs, availableMs },
  };
  const total = event === 'charge' ? { gross: amount, net: amount - paid } : { total: amount + paid };
  const line: Line = {
    ...{ template, key: `${template}:${id}`, currency, amounts: { amount, fee: paid, ...total } },
    refs: {
      ...{ [ref]: movement.source, balanceTransactionId: movement.id },
      ...(event === 'charge' ? { availableMs } : {}),
    },
    postedMs: createdMs + one.bookedAfter * 60_000,
  };
  return { movement, line };
}

/** A pair of its own with one break of a kind. */
function spoil(kind: Kind, id: string, drawn: Facts, nowMs: number): Spoilt {
  const ofKind: Partial<Record<Kind, readonly Event[]>> = {
    missing_in_ledger: ['charge', 'refund', 'dispute', 'won'],
    orphan_transfer: ['payout', 'reversal'],
    expected: ['charge'],
  };
  const events = ofKind[kind];
  const event = events === undefined ? drawn.event : (events[drawn.amount % events.length] ?? 'charge');
  const { movement, line } = pairOf(id, { ...drawn, event }, nowMs);
  const [movements, lines] = sidesOf(kind, { movement, line }, drawn, nowMs);
  const lacksMovement = kind === 'missing_in_stripe' || kind === 'expected';
  const lacksLine = ['missing_in_ledger', 'orphan_transfer', 'unknown_category'].includes(kind);
  const isTwice = kind === 'duplicate';
  const prefix = lacksMovement ? 'missing' : lacksLine ? 'movement' : 'amount';
  const twice = drawn.coin ? `movement:${movement.id}d` : `line:${movement.id}`;
  const identity = isTwice ? twice : `${prefix}:${movement.id}`;
  return { movements, lines, injected: [{ identity, kind }] };
}

type Sides = [Movement[], Line[]];

function sidesOf(
  kind: Kind,
  { movement, line }: { movement: Movement; line: Line },
  { coin }: Facts,
  nowMs: number,
): Sides {
  const debit = { ...line, refs: { ...line.refs, chargeId: `py_${line.key}` }, postedMs: nowMs - 3 * DAY_MS };
  const earlier = { ...line, postedMs: movement.createdMs - 2 * DAY_MS };
  const laterAvailable = { ...movement, availableMs: movement.availableMs + (coin ? 2 : -1) * DAY_MS };
  const sides: Record<Kind, () => Sides> = {
    missing_in_ledger: () => [[movement], []],
    orphan_transfer: () => [[movement], []],
    unknown_category: () => [[{ ...movement, category: coin ? 'topup' : 'risk_reserved_funds' }], []],
    missing_in_stripe: () => [[], [{ ...line, postedMs: nowMs - 5 * DAY_MS }]],
    expected: () => [[], [coin ? debit : { ...line, postedMs: nowMs - 47 * HOUR_MS }]],
    amount: () => [[{ ...movement, amount: movement.amount + 7 }], [line]],
    fee: () => [[{ ...movement, fee: movement.fee + 3 }], [line]],
    currency: () => [[{ ...movement, ...(coin ? { currency: 'gbp' } : { rate: '1.0843' }) }], [line]],
    wrong_day: () => (line.template === 'charge' ? [[laterAvailable], [line]] : [[movement], [earlier]]),
    duplicate: () =>
      coin
        ? [
            [movement, { ...movement, id: `${movement.id}d`, createdMs: movement.createdMs + HOUR_MS }],
            [line],
          ]
        : [[movement], [line, { ...line, key: `${line.key}:again` }]],
  };
  return sides[kind]();
}

/** Lets `insertMonth` post lines as post_journal does, under the ledger's lock. */
export async function prepareMonths(sql: TestDatabase['sql']): Promise<void> {
  await sql(`create function insert_lines(p_lines jsonb) returns void language plpgsql as $$
    begin
      perform app.lock_ledger();
      insert into journals (template, key, business_date, currency, amounts, owners, refs, posted_at)
      select l ->> 'template', l ->> 'key', '2026-11-01', l ->> 'currency', l -> 'amounts', '{}', l -> 'refs', app.at((l ->> 'postedMs')::bigint)
      from jsonb_array_elements(p_lines) l;
    end $$`);
}

/** Stores both sides of a month, as they are stored in life. */
export async function insertMonth(
  sql: TestDatabase['sql'],
  { movements, lines }: Pick<Month, 'movements' | 'lines'>,
): Promise<void> {
  const page = movements.map(
    ({ id, source, category, amount, fee, currency, rate, createdMs, availableMs }) => ({
      ...{ id, sourceId: source, reportingCategory: category, amountMinor: amount, feeMinor: fee },
      ...{ netMinor: amount - fee, currency, exchangeRate: rate, createdMs, availableOnMs: availableMs },
    }),
  );
  await sql('select store_pages(0, null, $1, null, 0)', [joinColumns([toColumns(page)])]);
  await sql('select insert_lines($1)', [JSON.stringify(lines)]);
}

/** Empties both sides and what was found. */
export async function forgetMonths(sql: TestDatabase['sql']): Promise<void> {
  await sql(`do $$ begin
    set local session_replication_role = replica;
    truncate stripe_movements, stripe_listings, journals, postings, cash_matches, unmatched_movements, unmatched_lines, movement_claims, cash_totals,
      cash_days, reconciliation_breaks, break_events, break_resolutions, reconciliation_runs restart identity cascade;
    update cash_matching set movement_seq = 0, movement_top = null, movement_left = null, journal_id = 0, frozen_through = null;
  end $$`);
}
