import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

let keeper: TestDatabase;
beforeAll(async () => {
  keeper = await createTestDatabase();
});
afterAll(() => keeper.close());

const RUNS = 40;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 2, 2);
const END_MS = START_MS + 40 * DAY_MS;
const dayAt = (day: number) => new Date(START_MS + day * DAY_MS).toISOString().slice(0, 10);

/** What becomes of a payout in the end. */
const FATES = [
  'deposited',
  'never seen',
  'under way',
  'failed before',
  'failed after',
  'failed, not returned',
  'unnamed',
] as const;
interface Payout {
  readonly day: number;
  readonly amount: number;
  readonly fate: (typeof FATES)[number];
}
const payoutsOf = fc.array(
  fc.record({
    day: fc.integer({ min: 1, max: 20 }),
    // Few amounts, so that many payouts are alike but for their names.
    amount: fc.constantFrom(500, 500, 700, 1_100),
    fate: fc.constantFrom(...FATES),
  }),
  { minLength: 1, maxLength: 6 },
);

type Step = (db: TestDatabase) => Promise<unknown>;
const call = (db: TestDatabase, name: string, ...args: unknown[]) => {
  const places = args.map((_, index) => `$${index + 1}`).join(', ');
  const values = args.map((arg) => (typeof arg === 'object' && arg !== null ? JSON.stringify(arg) : arg));
  return db.sql(`select public.${name}(${places})`, values);
};

const isBack = ({ fate }: Payout) => fate.startsWith('failed');
const isSeen = ({ fate }: Payout) =>
  fate === 'deposited' || fate === 'failed after' || fate === 'failed, not returned';

/** Everything that Stripe and the bank tell of these payouts, in pieces that may come in any order. */
function tellingOf(payouts: readonly Payout[]): Step[] {
  const move =
    (id: string, source: string, category: string, amount: number, day: number): Step =>
    (db) =>
      db.sql(
        `insert into stripe_movements (id, source_id, reporting_category, amount_minor, fee_minor, net_minor, currency, available_at, created_at, seen_at)
       values ($1, $2, $3, $4, 0, $4, 'usd', app.at($5), app.at($5), app.at($5)) on conflict do nothing`,
        [id, source, category, amount, START_MS + day * DAY_MS],
      );
  const fact = (id: string, { day, amount, fate }: Payout, status: string) => ({
    ...{
      id,
      amountMinor: amount,
      currency: 'usd',
      automatic: false,
      status,
      destination: 'ba_platform',
      reconciliationStatus: 'not_applicable',
    },
    ...{
      traceId: fate === 'unnamed' || status === 'in_transit' ? null : `TRACE${id.slice(3)}`,
      failureCode: null,
    },
    ...{ createdMs: START_MS + day * DAY_MS, arrivesAtMs: START_MS + (day + 2) * DAY_MS },
  });
  const lines = new Map<number, object[]>();
  const line = (day: number, amountMinor: number, details: string) =>
    lines.set(day, [
      ...(lines.get(day) ?? []),
      { identity: `ref:${details}${amountMinor}`, bookedOn: dayAt(day), amountMinor, details },
    ]);
  const steps = payouts.flatMap((payout, nth): Step[] => {
    const { day, amount, fate } = payout;
    const id = `po_${nth}`;
    const statuses = [
      'in_transit',
      ...(fate === 'under way' ? [] : ['paid']),
      ...(isBack(payout) ? ['failed'] : []),
    ];
    if (isSeen(payout)) line(day + 2, amount, `STRIPE TRACE${nth}`);
    if (fate === 'failed after') line(day + 5, -amount, `RETURN TRACE${nth}`);
    if (fate === 'unnamed') line(day + 2, amount, `STRIPE payment ${nth}`);
    return [
      move(`txn_${nth}`, id, 'payout', -amount, day),
      ...statuses.map(
        (status): Step =>
          (db) =>
            call(db, 'record_platform_payouts', [fact(id, payout, status)], END_MS),
      ),
      ...(isBack(payout) ? [move(`txn_back_${nth}`, id, 'payout_reversal', amount, day + 4)] : []),
    ];
  });
  const statements = [...lines].map(([day, entries]): Step => {
    const closingMinor = entries.reduce(
      (sum: number, entry) => sum + (entry as { amountMinor: number }).amountMinor,
      0,
    );
    const statement = {
      reference: `S-${day}`,
      fromDate: dayAt(day),
      toDate: dayAt(day),
      openingMinor: 0,
      closingMinor,
      lines: entries,
    };
    const file = { currency: 'usd', numberHash: null, statements: [statement] };
    return (db) => call(db, 'import_bank_file', 'main', file, null, 'ops', false, END_MS);
  });
  return [...steps, ...statements];
}

/** The breaks that must be open in the end, whatever came first. */
function expectedOf(payouts: readonly Payout[]): string[] {
  return payouts
    .flatMap(({ fate }, nth) => {
      if (fate === 'never seen' || fate === 'under way') return [`bank:missing:po_${nth}`];
      if (fate === 'failed, not returned') return [`bank:failed:po_${nth}`];
      if (fate === 'unnamed') return [`bank:missing:po_${nth}`, `line STRIPE payment ${nth}`];
      return [];
    })
    .sort();
}

async function wrongOf({ sql }: TestDatabase): Promise<string[]> {
  const rows = await sql<{ wrong: string }>(
    `select c ->> 'check' as wrong from jsonb_array_elements(app.audit_deposits()) c where not (c ->> 'ok')::boolean
     union all select 'wrong side ' || kind from ledger_accounts where kind in ('bank', 'bank_in_transit') and balance_minor < 0`,
  );
  return rows.map(({ wrong }) => wrong);
}

test('whatever becomes of payouts, and in whatever order Stripe and the bank tell it and however often, the books and breaks are right in the end', async () => {
  const property = fc.asyncProperty(payoutsOf, fc.infiniteStream(fc.nat()), async (payouts, chance) => {
    const draw = (under: number) => (chance.next().value ?? 0) % under;
    const db = await createTestDatabase();
    try {
      await db.sql("update settings set payout_destinations = '{ba_platform}'");
      // An account that has had statements from the first day.
      const empty = {
        reference: 'S-0',
        fromDate: dayAt(0),
        toDate: dayAt(0),
        openingMinor: 0,
        closingMinor: 0,
        lines: [],
      };
      const first = { currency: 'usd', numberHash: null, statements: [empty] };
      await call(db, 'import_bank_file', 'main', first, null, 'ops', false, END_MS);
      const steps = tellingOf(payouts);
      // Some of it is told twice.
      const told = steps.flatMap((step) => (draw(4) === 0 ? [step, step] : [step]));
      for (let left = told.length; left > 0; left -= 1) {
        const at = draw(left);
        const step = told[at];
        told[at] = told[left - 1] ?? told[at] ?? (async () => {});
        await step?.(db);
        if (draw(2) === 0) await call(db, 'reconcile_deposits', END_MS);
        expect(await wrongOf(db)).toEqual([]);
      }
      await call(db, 'reconcile_deposits', END_MS);
      expect(await wrongOf(db)).toEqual([]);
      const open = await db.sql<{ what: string }>(
        `select case when b.identity like 'bank:line:%' then 'line ' || (select l.details from bank_lines l where 'bank:line:' || l.id = b.identity) else b.identity end as what
         from reconciliation_breaks b where state = 'open'`,
      );
      expect(open.map(({ what }) => what).sort()).toEqual(expectedOf(payouts));
      const balances = await db.sql<{ kind: string; balance: number }>(
        'select kind, balance_minor as balance from ledger_accounts',
      );
      const sum = (some: readonly Payout[]) => some.reduce((total, { amount }) => total + amount, 0);
      const gone = payouts.filter((payout) => !isBack(payout));
      const there = sum(gone.filter(({ fate }) => fate === 'deposited'));
      const balanceOf = (kind: string) => balances.find((row) => row.kind === kind)?.balance ?? 0;
      expect([balanceOf('bank'), balanceOf('bank_in_transit'), balanceOf('stripe_available')]).toEqual([
        there,
        sum(gone) - there,
        0 - sum(gone),
      ]);
    } finally {
      await db.close();
    }
  });
  await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
}, 600_000);
