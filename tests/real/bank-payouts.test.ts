import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyEvent } from '../../src/jobs/stripe/apply-event.job.ts';
import { readBankPayouts } from '../../src/jobs/stripe/read-bank-payouts.job.ts';
import { contextFor } from '../../src/queues/run-job.ts';
import { balancesOf } from '../helpers/books.ts';
import { DAY_MS, dateAfter, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { runContext } from '../helpers/seeding.ts';

keepServer();
let house: House;
let road: Awaited<ReturnType<House['road']>>;
let told: Set<string>;
/** A call of 40.00, whose supplier was sent its 28.00 on the third night. */
beforeEach(async () => {
  house = await openHouse();
  road = await house.road();
  told = new Set();
  closed = -1;
  await house.call({ number: road.number, startedAtMs: house.clock.nowMs() - 3_600_000 });
  await closeTo(2);
});
afterEach(() => house.end());

let closed = -1;
/** Closes every date that is not closed yet, up to this one. */
async function closeTo(night: number): Promise<void> {
  for (closed += 1; closed < night; closed += 1) await house.close(dateAfter(closed));
  await house.close(dateAfter(night));
}
const account = () => road.supplier.account ?? '';
const changeBank = (failsWith: 'account_closed' | 'declined' | null) =>
  house.simulator.faults.changeBank({ account: account(), failsWith });
/** To the day on which the money leaves Stripe, and to the one on which it arrives. */
const passTwoDays = () => {
  house.advance(DAY_MS);
  house.advance(DAY_MS);
};

async function tell(event: { type: string; objectId: string | null; account: string | null }) {
  const nowMs = house.clock.nowMs();
  const facts = { eventId: randomUUID(), ...event, createdMs: nowMs, livemode: false, receivedAtMs: nowMs };
  const outcome = await applyEvent.run(
    facts,
    contextFor(applyEvent, house.services, runContext({ trace: facts.eventId })),
  );
  return outcome.kind === 'done' ? outcome.summary.result : outcome.reason;
}
/** Has Stripe's webhooks about payouts to banks arrive that did not yet, in this order. */
async function tellNews(order: (news: string[]) => string[] = (news) => news) {
  const events = house.simulator.journal.all('event').filter(({ type }) => type.startsWith('payout.'));
  const news = events.filter(({ id }) => !told.has(id)).map(({ id }) => id);
  const results = [];
  for (const id of order(news)) {
    told.add(id);
    for (const { type, account = null, data } of events.filter((event) => event.id === id))
      results.push(await tell({ type, account, objectId: (data.object as { id: string }).id }));
  }
  return results;
}
const rows = () =>
  house.sql(
    'select status, failure_code, amount_minor, account, supplier_id from bank_payouts order by created_at, id',
  );
const row = (status: string, failure_code: string | null, amount_minor = 2_800) => ({
  ...{ status, failure_code, amount_minor, account: account(), supplier_id: road.supplier.id },
});
const supplier = async () => (await house.sql('select status, held_reason from suppliers'))[0];
async function expectRight() {
  const { failures, checks } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
  expect(failures).toEqual([]);
  expect(house.simulator.journal.check()).toEqual([]);
  return checks.find(({ check }) => check === 'listed: suppliers whose bank gave their last payout back')
    ?.offenders;
}

describe('a payout that the bank of a supplier gives back', () => {
  beforeEach(async () => {
    changeBank('account_closed');
    passTwoDays();
  });

  test('is recorded with its reason, and the next attempt beside it', async () => {
    expect(await tellNews()).toEqual(['bank_failed', 'recorded']);
    expect(await rows()).toEqual([row('failed', 'account_closed')]);
    expect(await expectRight()).toEqual([`${road.supplier.id} usd`]);
    changeBank(null);
    passTwoDays();
    expect(await tellNews()).toEqual(['recorded', 'recorded']);
    expect(await rows()).toEqual([row('failed', 'account_closed'), row('paid', null)]);
    expect(await expectRight()).toEqual([]);
  });

  test('returns nothing to the platform: no journal is posted, and no close sends it again', async () => {
    const books = async () => [
      await balancesOf(house.sql),
      await house.sql('select count(*) as n from journals'),
    ];
    const before = await books();
    await tellNews();
    await closeTo(4);
    expect(await books()).toEqual(before);
    expect(house.simulator.journal.all('transfer')).toHaveLength(1);
    await expectRight();
  });

  test('is told once, however often and in whatever order its events come', async () => {
    expect(await tellNews((news) => [...news, ...news].reverse())).toEqual([
      'bank_failed',
      ...['recorded', 'recorded', 'recorded'],
    ]);
    expect(await rows()).toEqual([row('failed', 'account_closed')]);
    const lines = await house.sql("select detail from audit_log where action = 'supplier.bank_failed'");
    expect(lines).toMatchObject([
      { detail: { reason: 'account_closed', amountMinor: 2_800, currency: 'usd' } },
    ]);
  });

  test('stands beside its supplier in the preview, and with the payout that sent the money', async () => {
    await tellNews();
    const { payouts, clock } = house.services;
    const [payout] = await house.sql<{ id: string }>('select id from payouts');
    const shown = await payouts.show(payout?.id ?? '');
    expect(shown?.bankPayouts).toMatchObject([
      {
        ...{ amountMinor: 2_800, status: 'failed', failureCode: 'account_closed' },
        failureMessage: 'The bank account has been closed.',
      },
    ]);
    await house.call({ number: road.number });
    await payouts.hold(road.supplier.id, true, 'ops', 'its bank is asked', clock.nowMs());
    await closeTo(8);
    const preview = await payouts.preview(dateAfter(8), clock.nowMs());
    expect(preview).toMatchObject([{ supplierId: road.supplier.id, bankProblem: 'account_closed' }]);
  });

  test('is found by the nightly reading when no webhook told of it', async () => {
    const read = () =>
      readBankPayouts.run(
        { date: FIRST_DATE },
        contextFor(readBankPayouts, house.services, runContext({ trace: 'tick' })),
      );
    expect(await read()).toMatchObject({ kind: 'done', summary: { accounts: 1, failed: 1 } });
    expect(await rows()).toEqual([row('failed', 'account_closed')]);
    expect(await read()).toMatchObject({ kind: 'done', summary: { accounts: 1, failed: 0 } });
    expect(await tellNews()).toEqual(['recorded', 'recorded']);
    expect(await rows()).toEqual([row('failed', 'account_closed')]);
  });
});

describe('what is known of a payout to a bank', () => {
  const fact = { id: 'po_1', amountMinor: 2_800, currency: 'usd', failureMessage: null };
  const at = { arrivesAtMs: Date.UTC(2026, 10, 5), createdMs: Date.UTC(2026, 10, 4) };
  const record = (status: string, failureCode: string | null = null) =>
    house.services.bankPayouts.record(
      account(),
      [{ ...fact, ...at, status, failureCode }],
      house.clock.nowMs(),
    );

  test('becomes later and never earlier: what was paid may fail, what failed stays so', async () => {
    for (const status of ['pending', 'in_transit', 'paid', 'pending', 'a_new_word']) await record(status);
    expect(await rows()).toEqual([row('paid', null)]);
    expect((await record('failed', 'declined')).failed).toEqual([{ id: 'po_1', failureCode: 'declined' }]);
    for (const status of ['paid', 'in_transit', 'pending']) expect((await record(status)).failed).toEqual([]);
    expect(await rows()).toEqual([row('failed', 'declined')]);
  });

  test('is recorded in whatever currency and state Stripe says', async () => {
    const odd = { ...fact, ...at, currency: 'mxn', amountMinor: -5, status: 'a_new_word', failureCode: null };
    await house.services.bankPayouts.record(account(), [odd], house.clock.nowMs());
    expect(await rows()).toEqual([row('a_new_word', null, -5)]);
  });
});

describe('a supplier whose bank gives its payouts back', () => {
  /** Its bank is another one each time, which gives this payout back too, or keeps it. */
  async function attempt(failsWith: 'account_closed' | 'declined' | null): Promise<void> {
    changeBank(failsWith);
    passTwoDays();
    await tellNews();
  }

  test('three times in a row for one reason is held with it, is sent nothing more, and is paid once it is released', async () => {
    await house.call({ number: road.number });
    await attempt('account_closed');
    await attempt('account_closed');
    expect(await supplier()).toEqual({ status: 'active', held_reason: null });
    await attempt('account_closed');
    const held = {
      status: 'held',
      held_reason: 'its bank gave three payouts in a row back: account_closed',
    };
    expect(await supplier()).toEqual(held);
    await closeTo(9);
    expect(house.simulator.journal.all('transfer')).toHaveLength(1);
    await expectRight();
    const { payouts, clock } = house.services;
    await payouts.hold(road.supplier.id, false, 'ops', 'it has another bank', clock.nowMs());
    await attempt('account_closed');
    expect(await supplier()).toEqual({ status: 'active', held_reason: null });
    await closeTo(11);
    expect(house.simulator.journal.all('transfer')).toHaveLength(2);
    await expectRight();
  });

  test('for different reasons, or with one between them that was paid, is not held', async () => {
    await attempt('account_closed');
    await attempt('declined');
    await attempt('account_closed');
    await attempt(null);
    expect(await rows()).toHaveLength(4);
    expect(await supplier()).toMatchObject({ status: 'active' });
  });

  test('and who is held for another reason stays held for it', async () => {
    const { payouts, clock } = house.services;
    await payouts.hold(road.supplier.id, true, 'ops', 'a call looks staged', clock.nowMs());
    for (let nth = 0; nth < 3; nth += 1) await attempt('declined');
    expect(await supplier()).toEqual({ status: 'held', held_reason: 'a call looks staged' });
  });
});

describe('an event of a payout', () => {
  test('of an account that is no supplier’s, or none that Stripe shows us, records nothing and says why', async () => {
    passTwoDays();
    const [payout] = house.simulator.journal.all('account_payout');
    const event = { type: 'payout.failed', objectId: payout?.id ?? '' };
    await house.sql('update suppliers set stripe_account_id = null');
    expect(await tell({ ...event, account: account() })).toBe('foreign');
    expect(await tell({ ...event, account: 'acct_of_nobody' })).toBe('not_found');
    expect(await rows()).toEqual([]);
  });

  test('that another account is said to have made is not found there', async () => {
    passTwoDays();
    const other = await house.supplier();
    const [payout] = house.simulator.journal.all('account_payout');
    const event = { type: 'payout.failed', objectId: payout?.id ?? '', account: other.account };
    expect(await tell(event)).toBe('not_found');
    expect(await rows()).toEqual([]);
  });

  test('of the platform itself is none of a supplier', async () => {
    expect(await tell({ type: 'payout.failed', objectId: 'po_platform', account: null })).toBe('ignored');
    expect(await rows()).toEqual([]);
  });
});
