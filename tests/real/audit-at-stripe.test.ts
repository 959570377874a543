import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStripeSimulator, type StripeSimulator } from '../../sandbox/stripe/simulator.ts';
import { compareWithStripe } from '../../src/audit/compare.ts';
import { findInFlight, ledgerSideSchema } from '../../src/audit/ledger-side.ts';
import { createStripeReader } from '../../src/audit/stripe-reader.ts';
import type { Charge } from '../../src/integrations/stripe/schemas.ts';
import type { FrozenTransfer } from '../../src/integrations/stripe/transfers.ts';
import { connect, DAY_MS, SECRET_KEY } from '../helpers/stripe.ts';

const START_MS = Date.UTC(2026, 2, 2);
const { signal } = new AbortController();

let dataDir: string;
let simulator: StripeSimulator;
let payment: Charge;
let stripeInvoiceId: string;
const invoiceId = randomUUID();
const sent: { payout: FrozenTransfer; transferId: string; movementId: string }[] = [];

/** One paid invoice, and more transfers than one page of a list holds. */
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'callclear-audit-'));
  const simulated = { dataDir, port: 0, secretKey: SECRET_KEY, webhook: null, startMs: START_MS };
  simulator = await createStripeSimulator(simulated);
  const { invoices, transfers, buyer, supplier } = connect(simulator.url);
  const customer = await buyer('b1', 'pm_card_visa');
  const destination = await supplier('s1');

  const line = { campaignId: randomUUID(), description: 'Campaign: 9 calls', calls: 9, amountMinor: 90_000 };
  const frozen = { invoiceId, generation: 1, customer, currency: 'usd', amountMinor: 90_000 } as const;
  const issued = await invoices.issue(
    { ...frozen, lines: [line], paymentTermsDays: null, automaticTax: false, plannedAtMs: START_MS },
    { signal, nowMs: START_MS },
  );
  stripeInvoiceId = issued.stripeInvoiceId;
  const paid = await invoices.pay(stripeInvoiceId, 'pay-1', { signal });
  const [charge] = paid.charges;
  if (charge === undefined) throw new Error('the card was declined');
  payment = charge;

  simulator.clock.advanceTo(START_MS + 3 * DAY_MS);
  for (let n = 0; n < 105; n += 1) {
    const facts = { payoutId: randomUUID(), generation: 1, amountMinor: 100 + n, currency: 'usd' } as const;
    const payout = { ...facts, destination, description: 'Payout' };
    const result = await transfers.send(payout, { signal });
    if (result.kind !== 'sent') throw new Error(`not sent: ${result.kind}`);
    const { id: transferId, balanceTransactionId: movementId } = result.transfer;
    sent.push({ payout, transferId, movementId });
  }
});
afterAll(async () => {
  await simulator.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** The ledger as it would be, of the first `count` transfers. */
function ledgerOf(count: number) {
  const { chargeId, balanceTransactionId, feeMinor: fee, netMinor: net } = payment;
  const booked = sent.slice(0, count);
  return ledgerSideSchema.parse({
    cash: [
      ['c', 'charge', 'usd', net, 0, fee, invoiceId, chargeId, balanceTransactionId, START_MS],
      ['a', 'available', 'usd', -net, net, 0, invoiceId, null, balanceTransactionId, START_MS],
      ...booked.map(({ payout: { payoutId, amountMinor }, transferId, movementId }) => [
        payoutId,
        'payout_send',
        'usd',
        0,
        -amountMinor,
        0,
        payoutId,
        transferId,
        movementId,
        START_MS,
      ]),
    ],
    payouts: sent.map(({ payout: { payoutId, amountMinor, destination } }, index) => {
      return [payoutId, 's1', 'usd', amountMinor, destination, index < count ? 'sent' : 'planned'];
    }),
    invoices: [[invoiceId, 'usd', 90_000, 'paid', stripeInvoiceId, false, 0, 0]],
    cleared: [['s1', 'usd', 63_000]],
    compared: [['usd', START_MS + 3 * DAY_MS, START_MS + 3 * DAY_MS]],
  });
}

async function compare(count: number) {
  const ledger = ledgerOf(count);
  const stripe = await createStripeReader({ apiBase: simulator.url, secretKey: SECRET_KEY }).read();
  const checks = compareWithStripe({ stripe, ledger, inFlight: findInFlight(ledger, ledger) });
  return checks.filter(({ ok }) => !ok).map(({ check, offenders }) => ({ check, offenders }));
}

test('books that agree with a Stripe of several pages, over real HTTP, are clean', async () => {
  expect(await compare(105)).toEqual([]);
});

test('one transfer at Stripe that the books lack is named, and its amount is what the cash differs by', async () => {
  const last = sent.at(-1);
  expect(await compare(104)).toEqual([
    { check: 'every transfer at Stripe is booked once, under its payout', offenders: [last?.transferId] },
    { check: 'the cash at Stripe is the cash of the books', offenders: ['usd -204'] },
    { check: 'what is available at Stripe is available in the books', offenders: ['usd -204'] },
  ]);
});
