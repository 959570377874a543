import { expect } from 'vitest';
import type { InvoiceState } from '../../src/integrations/stripe/invoices.ts';
import { DAY_MS, dateAfter, FIRST_DATE, type House, openHouse } from './house.ts';
import { storeMovements } from './movements.ts';

const BILL = 'billing.bill-buyer';
/** The business date that is compared and paid. */
const NIGHT = dateAfter(2);

export type InvoiceCharge = InvoiceState['charges'][number];
export type OneInvoice = Awaited<ReturnType<typeof openInvoice>>;

/**
 * A house with one invoice of three calls, 40.00 each, of which 28.00 are the supplier's when the terms say nothing else, and this tax; it
 * stands issued and unpaid. What Stripe says of it is made up here, and recorded twice each time, as by a run that was killed and came again.
 */
export async function openInvoice(taxMinor = 0, terms: Parameters<House['road']>[0] = {}) {
  const house = await openHouse();
  const nowMs = () => house.clock.nowMs();
  const road = await house.road(terms);
  if (taxMinor > 0) await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', automaticTax: true }] });
  for (const hour of [3, 2, 1]) {
    await house.call({ number: road.number, startedAtMs: nowMs() - hour * 3_600_000 });
  }
  await house.begin(FIRST_DATE);
  await house.work({}, [BILL]);
  const [invoice] = await house.sql<{ id: string }>('select id from invoices');
  const invoiceId = invoice?.id ?? '';
  const { billing, reconciliation, payouts } = house.services;

  async function claim(): Promise<string> {
    const claimed = await billing.claim(invoiceId, nowMs());
    return claimed.kind === 'claimed' ? claimed.token : '';
  }
  await billing.recordIssued(invoiceId, await claim(), { stripeInvoiceId: 'in_1', taxMinor }, nowMs());

  const charge = (number: number, grossMinor: number): InvoiceCharge => ({
    chargeId: `ch_${number}`,
    balanceTransactionId: `txn_${number}`,
    ...{ paidMinor: grossMinor, paidCurrency: 'usd', exchangeRate: null },
    grossMinor,
    feeMinor: 100,
    netMinor: grossMinor - 100,
    currency: 'usd',
    availableOnMs: nowMs() + DAY_MS,
  });

  /** The audit of the areas that an invoice touches; its Stripe is made up, so that is not compared. */
  async function expectRightBooks(): Promise<void> {
    const [answer] = await house.sql<{ checks: { check: string; ok: boolean }[] }>(
      "select audit_books($1, 'ledger') || audit_books($1, 'billing') || audit_books($1, 'payouts') as checks",
      [nowMs()],
    );
    expect(answer?.checks.filter(({ ok }) => !ok)).toEqual([]);
  }

  async function compare(): Promise<void> {
    for (let times = 0; times < 2; times += 1) {
      await reconciliation.reconcile(NIGHT, { dueMs: nowMs(), listedMs: nowMs() }, nowMs());
    }
    await expectRightBooks();
  }

  /** What each refund or dispute took. */
  const taken = new Map<string, number>();
  /** A movement of Stripe's balance that is available at once. */
  async function move(
    reportingCategory: string,
    sourceId: string,
    amountMinor: number,
    feeMinor = 0,
    settled: { currency: string; exchangeRate: string | null } = { currency: 'usd', exchangeRate: null },
  ): Promise<void> {
    const money = { amountMinor, feeMinor, netMinor: amountMinor - feeMinor, ...settled };
    if (!taken.has(sourceId)) taken.set(sourceId, -amountMinor);
    const at = { availableOnMs: nowMs(), createdMs: nowMs() - 600_000 };
    const id = `txn_${reportingCategory}_${sourceId}`;
    const movement = { id, sourceId, reportingCategory, ...money, ...at };
    await storeMovements(reconciliation, [movement], nowMs());
  }

  return {
    house,
    invoiceId,
    number: road.number,
    supplierId: road.supplier.id,
    charge,
    claim,
    move,
    compare,
    /** What Stripe says of the invoice. */
    async say(status: string, charges: InvoiceCharge[] = [], problem: string | null = null): Promise<void> {
      for (let times = 0; times < 2; times += 1) {
        const token = await claim();
        if (token !== '')
          await billing.recordState(invoiceId, token, { status, charges, problem, payUrl: null }, nowMs());
      }
      await expectRightBooks();
    },
    /** A buyer's dispute of a call is approved, the oldest call first; a credit note that it needs is planned, and Stripe not asked. */
    async approveDispute(nth: number): Promise<void> {
      const calls = await house.sql<{ id: string }>('select id from calls order by started_at');
      const ids = [calls[nth]?.id ?? ''];
      await house.services.adjustments.dispute(ids, 'the buyer', 'a wrong number', nowMs());
      await house.services.adjustments.decide(ids, true, 'ops', 'listened to it', nowMs());
      await house.work({}, [BILL]);
    },
    /** Stripe makes each note that is planned, and computes this tax on it; both are recorded twice. */
    async makeNotes(noteTaxMinor = 0): Promise<void> {
      const claimed = await billing.claim(invoiceId, nowMs());
      if (claimed.kind !== 'claimed') throw new Error('the invoice is settled');
      for (const { creditNoteId } of claimed.creditNotes) {
        const made = { stripeCreditNoteId: `cn_${creditNoteId}`, taxMinor: noteTaxMinor };
        for (let times = 0; times < 2; times += 1)
          await billing.recordCreditNote(creditNoteId, claimed.token, made, nowMs());
      }
      await expectRightBooks();
    },
    /** Two days later the money of these charges is available, and a close compares. */
    async becomeAvailable(charges: InvoiceCharge[]): Promise<void> {
      house.advance(2 * DAY_MS);
      const movements = charges.map(({ chargeId, balanceTransactionId, ...money }) => ({
        ...{ id: balanceTransactionId, sourceId: chargeId, reportingCategory: 'charge' },
        ...{ ...money, amountMinor: money.grossMinor, createdMs: nowMs() - 2 * DAY_MS },
      }));
      await storeMovements(reconciliation, movements, nowMs());
      await compare();
    },
    /** How a refund or a dispute stands at Stripe; what it takes in usd is what moved, where nothing else is said. */
    async record(
      id: string,
      kind: 'refund' | 'dispute',
      status: string,
      { chargeId = 'ch_1', amountMinor = taken.get(id) ?? 0, currency = 'usd' } = {},
    ): Promise<void> {
      const fact = { id, kind, chargeId, status, amountMinor, currency };
      for (let times = 0; times < 2; times += 1) {
        await reconciliation.recordWithdrawal(fact, NIGHT, nowMs());
      }
      await compare();
    },
    /** Plans the supplier's payout. */
    plan: () => payouts.plan(NIGHT, nowMs()),
    /** States of the calls, the oldest first. */
    earnings: async () =>
      (await house.sql<{ state: string }>('select state from earnings order by started_at')).map(
        ({ state }) => state,
      ),
    state: async () =>
      (await house.sql<{ state: string }>('select state from invoices where id = $1', [invoiceId]))[0]?.state,
  };
}
