import { joinColumns, toColumns } from '../../src/movement-columns.ts';
import type { StripeAnswers } from './hand-made-stripe.ts';

type Call = <T>(name: string, ...args: unknown[]) => Promise<T>;
const HOUR_MS = 3_600_000;

/** A person accounts for what is open and none of ours, and another one approves it. */
export async function resolveBreaks(call: Call, nowMs: number): Promise<void> {
  for (const { identity } of await call<{ identity: string }[]>('list_breaks', null, nowMs)) {
    const facts = [null, null, 'ops', 'of the shop', nowMs];
    const { id } = await call<{ id: string }>('resolve_break', identity, ...facts);
    await call('approve_resolution', id, 'a second person', 'looked at', nowMs);
  }
}

/** Payouts of the platform: one that its bank has by a statement, one by a person's word, one by Stripe's, one that came back and one on its way. */
export async function payPlatformOut(call: Call, stripe: StripeAnswers, nowMs: number): Promise<void> {
  const payouts = [
    { id: 'po_line', amountMinor: 7, status: 'paid' },
    { id: 'po_word', amountMinor: 5, status: 'paid' },
    { id: 'po_back', amountMinor: 3, status: 'failed' },
    { id: 'po_said', amountMinor: 4, status: 'paid' },
    { id: 'po_under_way', amountMinor: 2, status: 'in_transit' },
  ];
  for (const { id, amountMinor } of payouts) stripe.payOut(id, -amountMinor, nowMs - HOUR_MS);
  stripe.payOut('po_back', 3, nowMs - HOUR_MS);
  const listing = await call<{ id: number }>('open_listing', nowMs);
  await call(
    'store_pages',
    listing.id,
    null,
    joinColumns([toColumns(stripe.movementsForLedger())]),
    null,
    nowMs,
  );
  const facts = payouts.map((payout) => ({
    ...{
      ...payout,
      currency: 'usd',
      automatic: false,
      reconciliationStatus: 'not_applicable',
      traceId: null,
      destination: 'ba_platform',
    },
    ...{ failureCode: null, createdMs: nowMs - HOUR_MS, arrivesAtMs: nowMs },
  }));
  await call('record_platform_payouts', facts, nowMs);
  await call('reconcile_deposits', nowMs);
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const line = { identity: 'ref:1', bookedOn: day, amountMinor: 7, details: 'STRIPE po_line' };
  const statement = {
    reference: 'S-1',
    fromDate: day,
    toDate: day,
    openingMinor: 0,
    closingMinor: 11,
    lines: [line, { ...line, identity: 'ref:2', amountMinor: 4, details: 'STRIPE' }],
  };
  const file = { currency: 'usd', numberHash: null, statements: [statement] };
  await call('import_bank_file', 'main', file, null, 'ops', false, nowMs);
  const { lines } = await call<{ lines: { id: number }[] }>('list_deposits');
  await call('match_bank_line', lines[0]?.id, 'po_said', 'ops', 'the bank says so', nowMs);
}
