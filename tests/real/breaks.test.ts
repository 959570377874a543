import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderBreaks, resolveBreak } from '../../src/cli/recon.ts';
import { codeOf } from '../../src/errors.ts';
import { joinColumns, toColumns } from '../../src/movement-columns.ts';
import type { JobServices } from '../../src/services.ts';
import { changeJournals } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
let roads: Record<'usd' | 'eur', Awaited<ReturnType<House['road']>>>;

/** 08:00 of the third day comes next: money of both currencies is available, and nothing is planned yet. */
beforeEach(async () => {
  house = await openHouse();
  roads = { usd: await house.road({ currency: 'usd' }), eur: await house.road({ currency: 'eur' }) };
  for (const { number } of Object.values(roads)) await house.call({ number });
  await house.close(dateAfter(0));
  await house.close(dateAfter(1));
  house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
});
afterEach(() => house.end());

const post = async (path: string, form: Record<string, string>) => {
  const answer = await rawApi(house.simulator.url, SECRET_KEY)('POST', path, form);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.json();
};
const open = () => house.services.breaks.list(null, house.clock.nowMs());
/** The identity of the one break that is open. */
async function identity(): Promise<string> {
  const found = await open();
  expect(found).toHaveLength(1);
  return found[0]?.identity ?? '';
}
const facts = (by = 'ops') => ({ by, reason: 'of the shop', nowMs: house.clock.nowMs() });
const resolve = (what: string, by?: string) => resolveBreak(house.services, what, facts(by));
/** As long as Stripe tells of its refunds under another charge. */
const resolveMisread = (what: string) =>
  resolveBreak({ ...house.services, stripeWithdrawals: misreading() }, what, facts());
function misreading(): JobServices['stripeWithdrawals'] {
  const { stripeWithdrawals } = house.services;
  return {
    read: async (...args) => ({ ...(await stripeWithdrawals.read(...args)), chargeId: 'ch_other' }),
  };
}
const approve = (id: string | null, by: string) => house.services.breaks.approve(id ?? '', facts(by));
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'taken',
    (error: unknown) => codeOf(error, 'INTERNAL'),
  );
const paid = () =>
  house.simulator.journal
    .all('transfer')
    .filter(({ metadata }) => metadata.payout_id !== undefined)
    .map(({ currency }) => currency)
    .sort();
const suspense = () =>
  house.sql(
    "select currency, balance_minor as balance from ledger_accounts where kind = 'suspense' and balance_minor <> 0",
  );
const states = async () =>
  (await house.sql<{ state: string }>('select state from reconciliation_breaks order by id')).map(
    ({ state }) => state,
  );
async function expectRight(): Promise<void> {
  const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures).toEqual([]);
}

/** What another system on the same account at Stripe does, and what it moves in usd. */
const foreign: Record<string, { make: () => Promise<unknown>; amount: number }> = {
  'a transfer': {
    amount: -100,
    make: () =>
      post('/v1/transfers', {
        ...{ amount: '100', currency: 'usd', destination: roads.eur.supplier.account ?? '' },
      }),
  },
  'a charge whose money is available': { amount: 5_000 - 175, make: () => charge('pm_card_bypassPending') },
};
async function charge(card: string) {
  const method = await post(`/v1/payment_methods/${card}/attach`, {
    customer: roads.usd.buyer.customer ?? '',
  });
  const customer = roads.usd.buyer.customer ?? '';
  const facts = { customer, payment_method: String(method.id), confirm: 'true' };
  return post('/v1/payment_intents', { amount: '5000', currency: 'usd', ...facts });
}
/** A movement that is none of ours, found by a close. */
async function breakBy(name = 'a transfer'): Promise<string> {
  await foreign[name]?.make();
  await house.close(dateAfter(2));
  return identity();
}

describe('a movement at Stripe that is none of ours', () => {
  test.each(Object.keys(foreign))('is resolved once: %s, and payouts of its currency go on', async (name) => {
    const what = await breakBy(name);
    const amountMinor = foreign[name]?.amount ?? 0;
    expect(await open()).toMatchObject([
      { currency: 'usd', amountMinor, stopsPayouts: true, waitsFor: null, supplier: null },
    ]);
    expect(paid()).toEqual(['eur']);
    const first = await resolve(what);
    expect(first).toMatchObject({ asked: true, state: 'booked' });
    expect(await resolve(what)).toEqual({ ...first, asked: false });
    expect(await suspense()).toEqual([{ currency: 'usd', balance: -amountMinor }]);
    expect(await house.sql("select key from journals where template = 'break_resolved'")).toHaveLength(1);
    expect(
      await house.sql(
        "select actor, detail ->> 'identity' as what from audit_log where action = 'break.resolve'",
      ),
    ).toEqual([{ actor: 'ops', what }]);
    await expectRight();
    // However often it is compared, it stays resolved, and no difference is left.
    for (const days of [3, 4]) await house.close(dateAfter(days));
    expect(await states()).toEqual(['resolved']);
    expect(await open()).toEqual([]);
    // Nor is it looked at again.
    expect(
      await house.sql("select identity from app.find_breaks(now() + interval '90 days', now())"),
    ).toEqual([]);
    expect(paid()).toEqual(['eur', 'usd']);
    expect(
      await house.sql('select business_date::text as d from reconciliation_runs where difference_minor <> 0'),
    ).toEqual([{ d: dateAfter(2) }]);
    expect(await suspense()).toEqual([{ currency: 'usd', balance: -amountMinor }]);
    await expectRight();
  });

  test('is not resolved before its money is available', async () => {
    await charge('pm_card_visa');
    await house.close(dateAfter(2));
    const what = await identity();
    expect(await code(resolve(what))).toBe('BREAK_NOT_RESOLVABLE');
    await house.close(dateAfter(3));
    await house.close(dateAfter(4));
    expect(await resolve(what)).toMatchObject({ state: 'booked' });
    await expectRight();
  });
});

describe('a break above the limit', () => {
  beforeEach(() => house.sql('update settings set approval_limit_minor = 99'));

  test('waits for another person than the one who resolved it, and books nothing meanwhile', async () => {
    const what = await breakBy();
    const { id } = await resolve(what);
    expect(await resolve(what, 'another')).toEqual({ id, asked: false, state: 'waiting_approval' });
    expect(await suspense()).toEqual([]);
    expect(await open()).toMatchObject([{ resolutionId: id, askedBy: 'ops', waitsFor: 'approval' }]);
    await house.close(dateAfter(3));
    expect(await states()).toEqual(['open']);
    expect(await code(approve(id, 'ops'))).toBe('APPROVAL_REFUSED');
    expect(await approve(id, 'another')).toEqual({ approved: true, state: 'booked' });
    expect(await approve(id, 'another')).toEqual({ approved: false, state: 'booked' });
    expect(await suspense()).toEqual([{ currency: 'usd', balance: 100 }]);
    await expectRight();
    await house.close(dateAfter(4));
    // Its own payouts wait for an approval, of that limit.
    expect(
      await house.sql("select state from payouts where currency = 'usd' and business_date = $1", [
        dateAfter(4),
      ]),
    ).toEqual([{ state: 'waiting_approval' }]);
    await expectRight();
  });
});

describe('what turns out to be ours', () => {
  /** A refund that Stripe tells of under another charge first: it is a break. */
  async function refundUnderAnotherName(): Promise<string> {
    const [ours] = house.simulator.journal.all('charge').filter(({ currency }) => currency === 'usd');
    await post('/v1/refunds', { charge: ours?.id ?? '', amount: '1000' });
    await house.close(dateAfter(2), { stripeWithdrawals: misreading() });
    return identity();
  }

  test('is taken out of suspense when the books know it after all', async () => {
    const what = await refundUnderAnotherName();
    // As soon as Stripe says whose it is, it is no other system's.
    expect(await code(resolve(what))).toBe('BREAK_NOT_RESOLVABLE');
    await resolveMisread(what);
    expect(await suspense()).toEqual([{ currency: 'usd', balance: 1_000 }]);
    for (const days of [3, 4]) await house.close(dateAfter(days));
    expect(await suspense()).toEqual([]);
    expect(await states()).toEqual(['closed']);
    expect(await house.sql('select state from break_resolutions')).toEqual([{ state: 'reversed' }]);
    expect(await code(resolve(what))).toBe('taken');
    expect(await resolve(what)).toEqual({ id: null, asked: false, state: 'closed' });
    expect(await suspense()).toEqual([]);
    await expectRight();
  });

  test('needs no approval any more', async () => {
    await house.sql('update settings set approval_limit_minor = 99');
    const { id } = await resolveMisread(await refundUnderAnotherName());
    await house.close(dateAfter(3));
    expect(await approve(id, 'another')).toEqual({ approved: false, state: 'dropped' });
    expect(await suspense()).toEqual([]);
    await expectRight();
  });

  test('is never resolved when it is a transfer of ours that the books have lost', async () => {
    await post('/v1/transfers', {
      ...{ amount: '100', currency: 'usd', destination: roads.usd.supplier.account ?? '' },
      'metadata[payout_id]': '00000000-0000-4000-8000-000000000001',
    });
    await house.close(dateAfter(2));
    expect(await code(resolve(await identity()))).toBe('BREAK_NOT_RESOLVABLE');
    expect(await states()).toEqual(['open']);
  });
});

test.each([
  ['charge_failure', false],
  ['refund_failure', true],
])('a %s of a charge of ours is not resolved, whatever names it', async (category, isByRefund) => {
  const [ours] = await house.sql<{ id: string }>(
    "select charge_id as id from charges where currency = 'usd'",
  );
  const source = isByRefund ? 're_of_ours' : (ours?.id ?? '');
  const movement = {
    ...{ id: 'txn_failed', sourceId: source, reportingCategory: category, amountMinor: -4_000, feeMinor: 0 },
    ...{ netMinor: -4_000, currency: 'usd', exchangeRate: null },
    ...{ createdMs: house.clock.nowMs() - 3_600_000, availableOnMs: house.clock.nowMs() - 3_600_000 },
  };
  await house.sql('select store_pages(0, null, $1, null, 0)', [joinColumns([toColumns([movement])])]);
  await house.close(dateAfter(2));
  const read: JobServices['stripeWithdrawals']['read'] = async ({ id, kind }) => {
    expect({ id, kind }).toEqual({ id: 're_of_ours', kind: 'refund' });
    return { id, kind, chargeId: ours?.id ?? '', amountMinor: 4_000, currency: 'usd', status: 'failed' };
  };
  const services = { ...house.services, stripeWithdrawals: { read } };
  expect(await code(resolveBreak(services, await identity(), facts()))).toBe('BREAK_NOT_RESOLVABLE');
  expect(await suspense()).toEqual([]);
});

test('a break of a payout names its supplier, and is mended, not resolved', async () => {
  await house.close(dateAfter(2));
  await changeJournals(house.sql, {
    set: `refs = refs || '{"transferId": "tr_x", "balanceTransactionId": "x"}'`,
    where: "template = 'payout_send' and currency = 'usd'",
  });
  // As long as Stripe does not say whose the transfer is, nothing joins the two.
  const stripeTransfers = { ...house.services.stripeTransfers, readPayoutId: async () => null };
  await house.close(dateAfter(3), { stripeTransfers });
  const found = await open();
  expect(found.map(({ kind }) => kind).sort()).toEqual(['missing_in_stripe', 'orphan_transfer']);
  const lines = renderBreaks(found).split('\n');
  expect(lines[0]).toMatch(/^identity +kind +category +amount +since \(UTC\) +supplier +stops payouts/);
  expect(lines.find((line) => line.startsWith('missing:x'))).toMatch(
    /missing_in_stripe +-28\.00 USD +2026-11-06 09:00 +Supplier.* +usd$/,
  );
  const missing = found.find(({ kind }) => kind === 'missing_in_stripe');
  expect(missing).toMatchObject({ supplierId: roads.usd.supplier.id, supplier: expect.any(String) });
  for (const { identity: what } of found) expect(await code(resolve(what))).toBe('BREAK_NOT_RESOLVABLE');
  expect(await suspense()).toEqual([]);
});

test('a break or a resolution that is none is refused', async () => {
  expect(await code(resolve('movement:txn_none'))).toBe('BREAK_UNKNOWN');
  expect(await code(approve('00000000-0000-4000-8000-000000000000', 'ops'))).toBe('RESOLUTION_UNKNOWN');
});
