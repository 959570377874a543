import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf, OutageError } from '../../src/errors.ts';
import type { PayoutResult } from '../../src/integrations/supabase/payouts.ts';
import { postingsOf, wrongIn } from '../helpers/books.ts';
import { DAY_MS, dateAfter, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { pay, payoutRow, type ReadyPayout, readyPayout } from '../helpers/payouts.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
    expect(house.simulator.journal.check()).toEqual([]);
  } finally {
    await house.end();
  }
});

const MINUTE_MS = 60_000;
const transfers = () => house.simulator.journal.all('transfer');
const sends = () => house.simulator.journal.requests().filter(({ path }) => path === '/v1/transfers');
const keys = () => sends().map(({ key }) => key?.split('-').at(-1));
const nowMs = () => house.clock.nowMs();
const caught = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => codeOf(error, 'INTERNAL'),
  );
const strike = (kind: Parameters<House['simulator']['faults']['add']>[0]['kind'], count = 1) =>
  house.simulator.faults.add({ kind, method: 'POST', pathPrefix: '/v1/transfers', count });

async function claimed(id: string) {
  const claim = await house.services.payouts.claim(id, nowMs());
  if (claim.kind !== 'claimed') throw new Error(claim.reason);
  return claim;
}

async function snapshot(): Promise<unknown> {
  const rows = await house.sql(
    `select (select jsonb_agg(p order by id) from payouts p) as payouts, (select jsonb_agg(i order by id) from invoices i) as invoices,
       (select jsonb_agg(a order by id) from attempts a) as attempts, (select count(*) from audit_log) as audit`,
  );
  return { rows, postings: await postingsOf(house.sql) };
}

const sentResult = ({ account }: ReadyPayout): PayoutResult => ({
  kind: 'sent',
  transferId: 'tr_late',
  balanceTransactionId: 'txn_late',
  amountMinor: 2_800,
  currency: 'usd',
  destination: account,
});

describe('a late writer, whose token another run has replaced', () => {
  test('changes nothing of a payout, whatever it wants to record', async () => {
    const payout = await readyPayout(house);
    const { payouts } = house.services;
    const late = await claimed(payout.id);
    await payouts.noteSend(payout.id, late.token, nowMs());
    await claimed(payout.id);
    const before = await snapshot();
    expect(await caught(payouts.noteSend(payout.id, late.token, nowMs()))).toBe('TOKEN_STALE');
    const results: PayoutResult[] = [
      sentResult(payout),
      { kind: 'refused', reason: 'late' },
      { kind: 'unknown', reason: 'late' },
      { kind: 'not_executed', reason: 'late', wasInDoubt: false },
      { kind: 'absent' },
    ];
    for (const result of results) {
      expect(await caught(payouts.settle(payout.id, late.token, result, nowMs()))).toBe('TOKEN_STALE');
    }
    expect(await snapshot()).toEqual(before);
  });

  test('changes nothing of an invoice, whatever it wants to record', async () => {
    const { number } = await house.road();
    await house.call({ number });
    await house.begin(FIRST_DATE);
    await house.work({}, ['billing.bill-buyer']);
    const { billing } = house.services;
    const [row] = await house.sql<{ id: string }>('select id from invoices');
    const id = row?.id ?? '';
    const late = await billing.claim(id, nowMs());
    await billing.claim(id, nowMs());
    const token = late.kind === 'claimed' ? late.token : '';
    const before = await snapshot();
    const charge = { chargeId: 'ch_1', balanceTransactionId: 'txn_1', currency: 'usd', availableOnMs: 0 };
    const amounts = { grossMinor: 4_000, feeMinor: 146, netMinor: 3_854 };
    const bought = { paidMinor: 4_000, paidCurrency: 'usd', exchangeRate: null };
    const charges = [{ ...charge, ...bought, ...amounts }];
    const paid = { status: 'paid', charges, problem: null, payUrl: null };
    expect(
      await caught(billing.recordIssued(id, token, { stripeInvoiceId: 'in_late', taxMinor: 0 }, nowMs())),
    ).toBe('TOKEN_STALE');
    expect(await caught(billing.recordState(id, token, paid, nowMs()))).toBe('TOKEN_STALE');
    expect(await snapshot()).toEqual(before);
  });

  test('does not bury the work: it comes again and finds it done', async () => {
    const payout = await readyPayout(house);
    const { stripeTransfers } = house.services;
    const overtaken = {
      ...stripeTransfers,
      async send(...args: Parameters<typeof stripeTransfers.send>) {
        const result = await stripeTransfers.send(...args);
        await claimed(payout.id);
        return result;
      },
    };
    const first = await pay(house, payout.id, { stripeTransfers: overtaken });
    expect(first).toMatchObject({ end: 'wait', code: 'taken_over' });
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'sending', work: 'due' });
    await house.work();
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'sent', work: 'done' });
    expect(transfers()).toHaveLength(1);
  });
});

describe('two runs of one payout at the same time', () => {
  test('make one transfer, also while Stripe is slow', async () => {
    const payout = await readyPayout(house);
    house.simulator.faults.add({ kind: 'stall', method: 'POST', pathPrefix: '/v1/transfers', stallMs: 300 });
    await Promise.all([pay(house, payout.id), pay(house, payout.id), pay(house, payout.id)]);
    await house.work();
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'sent', work: 'done' });
    expect(transfers()).toHaveLength(1);
    const posted = (await postingsOf(house.sql)).filter((line) => line.startsWith('payout'));
    expect(posted).toHaveLength(4);
  });
});

describe('an unknown outcome', () => {
  test('never ends by its age, and its money stays reserved', async () => {
    const payout = await readyPayout(house);
    const findByPayout = () => Promise.reject(new OutageError('STRIPE_UNAVAILABLE', 'away'));
    const stripeTransfers = { ...house.services.stripeTransfers, findByPayout };
    strike('cut-before-commit', 100);
    for (const days of [0, 1, 3, 30]) {
      house.advance(days * DAY_MS);
      house.simulator.faults.pruneKeys();
      expect(await pay(house, payout.id, { stripeTransfers })).toMatchObject({ end: 'wait' });
      expect(await payoutRow(house, payout.id)).toMatchObject({
        state: 'unknown',
        generation: 1,
        in_doubt: true,
      });
    }
    const reserved = await house.sql('select distinct state from earnings where payout_id is not null');
    expect(reserved).toEqual([{ state: 'reserved' }]);
    expect(transfers()).toEqual([]);
  });

  test('goes on under its key after refusals that executed nothing, however many', async () => {
    const payout = await readyPayout(house);
    strike('cut-before-commit');
    await pay(house, payout.id);
    strike('rate-limit', 5);
    for (let run = 0; run < 5; run += 1) expect(await pay(house, payout.id)).toMatchObject({ end: 'wait' });
    expect(await payoutRow(house, payout.id)).toMatchObject({ in_doubt: true, sends: 1 });
    expect(await pay(house, payout.id)).toMatchObject({ end: 'finish' });
    expect(keys()).toEqual(['1']);
  });

  test('ends by absence only in a listing made ten minutes after the last send', async () => {
    const payout = await readyPayout(house);
    strike('cut-before-commit', 3);
    for (let run = 0; run < 3; run += 1) await pay(house, payout.id);
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'unknown', sends: 3 });
    house.advance(9 * MINUTE_MS);
    expect(await pay(house, payout.id)).toMatchObject({ code: 'absence_does_not_count_yet' });
    const { token } = await claimed(payout.id);
    const early = house.services.payouts.settle(payout.id, token, { kind: 'absent' }, nowMs());
    expect(await caught(early)).toBe('STRIPE_OUTCOME_UNKNOWN');
    house.advance(2 * MINUTE_MS);
    expect(await pay(house, payout.id)).toMatchObject({ end: 'finish' });
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'sent', generation: 2 });
    expect(keys()).toEqual(['2']);
  });

  test('is looked up first when its key is older than 23 hours, and the transfer found is adopted', async () => {
    const payout = await readyPayout(house);
    strike('cut-after-commit');
    const findByPayout = () => Promise.reject(new OutageError('STRIPE_UNAVAILABLE', 'away'));
    await pay(house, payout.id, { stripeTransfers: { ...house.services.stripeTransfers, findByPayout } });
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'unknown' });
    house.advance(23 * 60 * MINUTE_MS);
    house.simulator.faults.pruneKeys();
    expect(await pay(house, payout.id)).toMatchObject({ end: 'finish' });
    expect(sends()).toHaveLength(1);
    expect(transfers()).toHaveLength(1);
  });

  test('is replayed days later, when Stripe has forgotten the key, and still moves the money once', async () => {
    const payout = await readyPayout(house);
    strike('error-after-commit');
    const lost = {
      ...house.services.payouts,
      settle: () => Promise.reject(new Error('the row cannot be written')),
    };
    expect(await pay(house, payout.id, { payouts: lost })).toMatchObject({ end: 'dead' });
    house.advance(3 * DAY_MS);
    house.simulator.faults.pruneKeys();
    const [dead] = await house.services.work.listDead({ afterId: null, limit: 10 });
    const reason = { by: 'ops', reason: 'Stripe is back', nowMs: nowMs() };
    const again = await house.services.work.replay({ id: dead?.id ?? '', ...reason });
    if (again === null) throw new Error('it was not dead');
    expect(await house.run(again)).toMatchObject({ end: 'finish', code: null });
    expect(transfers()).toHaveLength(1);
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'sent', work: 'done' });
  });
});

describe('a refusal', () => {
  test('gives the earnings back, and the next plan pays them', async () => {
    const payout = await readyPayout(house);
    strike('refuse');
    expect(await pay(house, payout.id)).toMatchObject({ end: 'finish' });
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'refused', problem: 'account_invalid' });
    await house.work();
    await house.close(dateAfter(3));
    expect(transfers()).toMatchObject([{ amount: 2_800 }]);
    expect(transfers()[0]?.metadata.payout_id).not.toBe(payout.id);
  });

  test('says nothing while an earlier send of the same key is in doubt', async () => {
    const payout = await readyPayout(house);
    strike('cut-before-commit');
    strike('refuse');
    await pay(house, payout.id);
    await pay(house, payout.id);
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'unknown', problem: 'account_invalid' });
  });
});

describe('the stop switch', () => {
  test('withholds at the last moment what was never sent', async () => {
    const payout = await readyPayout(house);
    const { token } = await claimed(payout.id);
    await house.services.payouts.stop(true, 'ops', 'a drill', nowMs());
    const noted = await house.services.payouts.noteSend(payout.id, token, nowMs());
    expect(noted).toEqual({ kind: 'settled', reason: 'payouts_stopped' });
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'withheld' });
    await house.work();
    await house.services.payouts.stop(false, 'ops', 'it is over', nowMs());
    await house.close(dateAfter(3));
    expect(transfers()).toHaveLength(1);
  });

  test('sends nothing of what is in doubt, and adopts what was sent', async () => {
    const payout = await readyPayout(house);
    strike('cut-before-commit');
    await pay(house, payout.id);
    await house.services.payouts.stop(true, 'ops', 'a drill', nowMs());
    expect(await pay(house, payout.id)).toMatchObject({ end: 'wait', code: 'absence_does_not_count_yet' });
    expect(sends()).toEqual([]);
    house.advance(11 * MINUTE_MS);
    expect(await pay(house, payout.id)).toMatchObject({ code: 'payouts_stopped' });
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'withheld' });
    expect(transfers()).toEqual([]);
  });
});

describe('what was frozen', () => {
  test('is not sent when the destination changed after the plan; the next plan pays the new one', async () => {
    const payout = await readyPayout(house);
    const other = await house.supplier();
    await house.sql('update suppliers set stripe_account_id = null where id = $1', [other.id]);
    await house.sql('update suppliers set stripe_account_id = $2 where id = $1', [
      payout.supplierId,
      other.account,
    ]);
    await house.work();
    expect(await payoutRow(house, payout.id)).toMatchObject({ state: 'withheld', work: 'done' });
    await house.close(dateAfter(3));
    expect(transfers()).toMatchObject([{ destination: other.account, amount: 2_800 }]);
  });

  test('is a dead letter, and not sent, when its key was used with another body', async () => {
    const payout = await readyPayout(house);
    const api = rawApi(house.simulator.url, SECRET_KEY);
    const body = { amount: '1', currency: 'usd', destination: payout.account };
    await api('POST', '/v1/transfers', body, `payout-${payout.id}-1`);
    expect(await pay(house, payout.id)).toMatchObject({ end: 'dead', code: 'STRIPE_KEY_MISMATCH' });
    expect(transfers()).toMatchObject([{ amount: 1 }]);
    expect(await payoutRow(house, payout.id)).toMatchObject({
      state: 'sending',
      in_doubt: true,
      work: 'dead',
    });
  });
});
