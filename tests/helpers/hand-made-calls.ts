import { type RatedCall, rateCall, type Terms } from '../../src/jobs/fraud/rate.ts';
import type { TestDatabase } from './database.ts';

type Call = <T>(name: string, ...args: unknown[]) => Promise<T>;

interface Context extends RatedCall {
  readonly factsVersion: number;
  readonly decided: 'reject' | null;
  readonly terms: Terms | null;
}

export async function scoreHandMade(call: Call, callId: string, nowMs: number): Promise<void> {
  const [context] = await call<Context[]>('scoring_context', [callId]);
  if (context === undefined) throw new Error('no such call');
  const { factsVersion, durationS, decided } = context;
  const rating = context.terms === null ? 'no terms' : rateCall(context.terms, context);
  const scored = typeof rating === 'string' ? 'hold' : durationS < 60 ? 'reject' : 'qualify';
  const decision = { callId, factsVersion, score: 0, decision: decided ?? scored, reasons: [] };
  await call('rate_calls', [{ ...decision, ...Object(rating) }], nowMs);
}

const DISPUTED = 'I never spoke with them';

/** Calls that were paid for are taken back, one of them paid out and disputed; another dispute is denied. */
export async function takeCallsBack(db: TestDatabase, call: Call, nowMs: number): Promise<void> {
  const ids = async (condition: string, count = 1) =>
    (
      await db.sql<{ id: string }>(
        `select e.call_id as id from earnings e left join invoices i on i.id = e.invoice_id
         where ${condition} order by e.started_at, e.call_id limit ${count}`,
      )
    ).map(({ id }) => id);
  const adjust = (callIds: readonly string[]) =>
    Promise.all(callIds.map((id) => adjustHandMade(call, id, nowMs)));

  const [paidOut = '', kept = ''] = await ids(
    `e.state = 'paid' and e.currency = 'usd' and e.business_date = '2026-03-03'`,
    2,
  );
  await call('dispute_calls', [paidOut, kept], 'buyer', DISPUTED, nowMs);
  await call('decide_disputes', [paidOut], true, 'ops', 'they did not', nowMs);
  await call('decide_disputes', [kept], false, 'ops', 'they did', nowMs);
  const billed = await ids(`e.state = 'billed' and e.currency = 'usd'`);
  for (const id of billed) await call('ask_adjustment', id, 'ops', 'fraud', nowMs);
  await adjust([paidOut, ...billed]);
}

/** Of calls that no invoice holds: one is disputed, two are adjusted above the limit, of which one was let go, one is taken back. */
export async function leaveCallsDisputed(db: TestDatabase, call: Call, nowMs: number): Promise<void> {
  const rows = await db.sql<{ id: string }>(
    `select call_id as id from earnings where state = 'accrued' and invoice_id is null order by started_at, call_id limit 4`,
  );
  const [disputed = '', waiting = '', approved = '', unbilled = ''] = rows.map(({ id }) => id);
  await call('dispute_calls', [disputed], 'buyer', DISPUTED, nowMs);
  const limits = await db.sql<{ limit: number }>('select approval_limit_minor as limit from settings');
  await db.sql('update settings set approval_limit_minor = 1');
  await call('ask_adjustment', waiting, 'ops', 'fraud', nowMs);
  const { id } = await call<{ id: string }>('ask_adjustment', approved, 'ops', 'fraud', nowMs);
  await call('approve_adjustment', id, 'a second person', 'looked at', nowMs);
  await db.sql('update settings set approval_limit_minor = $1', [limits[0]?.limit]);
  await call('ask_adjustment', unbilled, 'ops', 'fraud', nowMs);
  const cleared = await db.sql<{ id: string }>(
    `select a.call_id as id from adjustments a join earnings e on e.id = a.earning_id where a.state = 'waiting' and e.state = 'cleared'`,
  );
  for (const one of [unbilled, ...cleared.map(({ id: callId }) => callId)])
    await adjustHandMade(call, one, nowMs);
}

/** Of the calls on the open invoice one is given back by a credit note, and another will be. */
export async function creditOpenCalls(
  db: TestDatabase,
  call: Call,
  nowMs: number,
  bill: (invoiceId: string) => Promise<void>,
): Promise<void> {
  const rows = await db.sql<{ id: string; invoice: string }>(
    `select e.call_id as id, i.id as invoice from earnings e join invoices i on i.id = e.invoice_id and i.state = 'open'
     order by e.started_at, e.call_id limit 2`,
  );
  for (const [nth, { id, invoice }] of rows.entries()) {
    await call('ask_adjustment', id, 'ops', 'fraud', nowMs);
    await adjustHandMade(call, id, nowMs);
    if (nth === 0) await bill(invoice);
  }
}

/** What the job does, by the functions that it calls. */
export async function adjustHandMade(call: Call, callId: string, nowMs: number): Promise<void> {
  const [context] = await call<{ factsKey: string }[]>('scoring_context', [callId], true);
  await call('adjust_call', callId, { factsKey: context?.factsKey, decision: 'reject' }, nowMs);
}
