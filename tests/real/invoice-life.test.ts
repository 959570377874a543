import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { balancesOf } from '../helpers/books.ts';
import { DAY_MS, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();
let house: House;
let invoiceId: string;

/** One invoice of three calls, 40.00 each, of which 28.00 are the supplier's; it stands issued and unpaid. */
beforeEach(async () => {
  house = await openHouse();
  const road = await house.road();
  for (const hour of [3, 2, 1]) {
    await house.call({ number: road.number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
  }
  await house.begin(FIRST_DATE);
  await house.work({}, ['billing.bill-buyer']);
  const [invoice] = await house.sql<{ id: string }>('select id from invoices');
  invoiceId = invoice?.id ?? '';
  const token = await claim();
  await house.services.billing.recordIssued(invoiceId, token, 'in_1', house.clock.nowMs());
});
afterEach(() => house.end());

async function claim(): Promise<string> {
  const claimed = await house.services.billing.claim(invoiceId, house.clock.nowMs());
  return claimed.kind === 'claimed' ? claimed.token : '';
}

const charge = (number: number, grossMinor: number) => ({
  chargeId: `ch_${number}`,
  balanceTransactionId: `txn_${number}`,
  grossMinor,
  feeMinor: 100,
  netMinor: grossMinor - 100,
  currency: 'usd',
  availableOnMs: house.clock.nowMs() + DAY_MS,
});
type Charge = ReturnType<typeof charge>;

/** What Stripe says of the invoice is recorded, twice, as a run does that was killed in between. */
async function say(status: string, charges: Charge[] = [], problem: string | null = null): Promise<void> {
  for (let times = 0; times < 2; times += 1) {
    const token = await claim();
    if (token !== '') {
      const state = { status, charges, problem };
      await house.services.billing.recordState(invoiceId, token, state, house.clock.nowMs());
    }
  }
  await expectRightBooks();
}

/** A day later the money of these charges is available, and a close compares. */
async function becomeAvailable(charges: Charge[]): Promise<void> {
  house.advance(2 * DAY_MS);
  const nowMs = house.clock.nowMs();
  const movements = charges.map(({ chargeId, balanceTransactionId, ...money }) => ({
    ...{
      id: balanceTransactionId,
      sourceId: chargeId,
      reportingCategory: 'charge',
      createdMs: nowMs - DAY_MS,
    },
    ...money,
    amountMinor: money.grossMinor,
  }));
  await house.sql('select store_movements($1, $2)', [JSON.stringify(movements), nowMs]);
  await house.sql('select reconcile_money($1, $2, $2, $2)', [FIRST_DATE, nowMs]);
  await expectRightBooks();
}

/** The audit of the areas that an invoice touches; `no invoice at Stripe` is not asked here. */
async function expectRightBooks(): Promise<void> {
  const [answer] = await house.sql<{ checks: { check: string; ok: boolean }[] }>(
    "select audit_books($1, 'ledger') || audit_books($1, 'billing') || audit_books($1, 'payouts') as checks",
    [house.clock.nowMs()],
  );
  expect(answer?.checks.filter(({ ok }) => !ok)).toEqual([]);
}

const earnings = async () =>
  (await house.sql<{ state: string }>('select state from earnings order by started_at')).map(
    ({ state }) => state,
  );
const state = async () =>
  (await house.sql<{ state: string }>('select state from invoices where id = $1', [invoiceId]))[0]?.state;

describe('a partial payment', () => {
  test('clears whole calls, the oldest first, once its money is available', async () => {
    const first = charge(1, 9_000);
    await say('open', [first]);
    expect(await state()).toBe('open');
    expect(await earnings()).toEqual(['billed', 'billed', 'billed']);
    await becomeAvailable([first]);
    expect(await earnings()).toEqual(['cleared', 'cleared', 'billed']);
    const second = charge(2, 3_000);
    await say('paid', [first, second]);
    expect(await state()).toBe('paid');
    expect(await earnings()).toEqual(['cleared', 'cleared', 'billed']);
    await becomeAvailable([second]);
    expect(await earnings()).toEqual(['cleared', 'cleared', 'cleared']);
    expect(await balancesOf(house.sql)).toEqual({
      exchange_margin: -3_600,
      stripe_available: 11_800,
      stripe_fees: 200,
      supplier_payable: -8_400,
    });
  });
});

describe('an invoice that nobody pays', () => {
  test.each(['uncollectible', 'void'])(
    'is written off when it is %s: nobody owes it and nobody earns by it',
    async (end) => {
      await say(end);
      expect(await earnings()).toEqual(['written_off', 'written_off', 'written_off']);
      expect(await balancesOf(house.sql)).toEqual({});
    },
  );

  test('in the rest keeps what was paid: whole calls for their suppliers, the remainder for the exchange', async () => {
    const paid = charge(1, 9_000);
    await say('open', [paid]);
    await say('uncollectible', [paid]);
    expect(await earnings()).toEqual(['billed', 'billed', 'written_off']);
    await becomeAvailable([paid]);
    expect(await earnings()).toEqual(['cleared', 'cleared', 'written_off']);
    expect(await balancesOf(house.sql)).toEqual({
      exchange_margin: -3_400,
      stripe_available: 8_900,
      stripe_fees: 100,
      supplier_payable: -5_600,
    });
  });

  test('and is paid after all is owed and earned again, and clears', async () => {
    const [first, second] = [charge(1, 9_000), charge(2, 3_000)];
    await say('uncollectible', [first]);
    await say('paid', [first, second]);
    expect(await state()).toBe('paid');
    await becomeAvailable([first, second]);
    expect(await earnings()).toEqual(['cleared', 'cleared', 'cleared']);
  });
});

describe('what cannot be is refused and changes nothing', () => {
  const refused = async (status: string, charges: Charge[]) => {
    const token = await claim();
    const before = await balancesOf(house.sql);
    const call = house.services.billing.recordState(
      invoiceId,
      token,
      { status, charges, problem: null },
      house.clock.nowMs(),
    );
    const code = await call.then(
      () => 'nothing was refused',
      (error: unknown) => codeOf(error, 'INTERNAL'),
    );
    expect(await balancesOf(house.sql)).toEqual(before);
    return code;
  };

  test.each([
    { name: 'more is paid than is owed', status: 'paid', amounts: [13_000] },
    { name: 'it is called paid and is not', status: 'paid', amounts: [9_000] },
    { name: 'it is called open and is paid', status: 'open', amounts: [12_000] },
  ])('$name', async ({ status, amounts }) => {
    expect(
      await refused(
        status,
        amounts.map((amount, index) => charge(index, amount)),
      ),
    ).toBe('INVOICE_MISMATCH');
  });

  test('one that was given up is open again, or paid in part', async () => {
    await say('uncollectible');
    expect(await refused('open', [])).toBe('INVOICE_MISMATCH');
    expect(await refused('uncollectible', [charge(1, 4_000)])).toBe('INVOICE_MISMATCH');
  });
});
