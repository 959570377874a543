import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TransientError } from '../../src/errors.ts';
import { backUp, restore } from '../helpers/backup.ts';
import { changeJournals, postingsOf } from '../helpers/books.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';

keepServer();
let house: House;
let roads: Record<'usd' | 'eur', Awaited<ReturnType<House['road']>>>;

/** 09:00 of the third day comes next: money of both currencies is available, and nothing is planned yet. */
beforeEach(async () => {
  house = await openHouse();
  roads = { usd: await house.road({ currency: 'usd' }), eur: await house.road({ currency: 'eur' }) };
  for (const { number } of Object.values(roads)) await house.call({ number });
  await house.close(dateAfter(0));
  await house.close(dateAfter(1));
  house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
});
afterEach(() => house.end());

const stripe = async (path: string, form: Record<string, string>) => {
  const answer = await rawApi(house.simulator.url, SECRET_KEY)('POST', path, form);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.json();
};
const findings = () =>
  house.sql<{ identity: string; kind: string; currency: string; state: string; first: number }>(
    'select identity, kind, currency, state, app.ms(first_seen_at) as first from reconciliation_breaks order by kind, identity',
  );
const open = async () =>
  (await findings())
    .filter(({ state }) => state === 'open')
    .map(({ kind, currency }) => `${kind} ${currency}`)
    .sort();
const paid = () =>
  house.simulator.journal.all('transfer').filter(({ metadata }) => metadata.payout_id !== undefined);
const paidCurrencies = () =>
  paid()
    .map(({ currency }) => currency)
    .sort();
const differences = (date: string) =>
  house.sql(
    'select currency, difference_minor as d from reconciliation_runs where business_date = $1 and difference_minor <> 0',
    [date],
  );
/** Compares a date once more, as ops may. */
const again = async (day: number) =>
  house.run(await house.row('reconciliation.reconcile-money', dateAfter(day)));

describe('a clean book', () => {
  test('has no finding, however often it is compared, and a comparison moves no money', async () => {
    await house.close(dateAfter(2));
    const before = await postingsOf(house.sql);
    for (let times = 0; times < 2; times += 1) {
      expect(await again(2)).toMatchObject({ end: 'finish' });
      expect(await differences(dateAfter(2))).toEqual([]);
    }
    expect(await findings()).toEqual([]);
    expect(await postingsOf(house.sql)).toEqual(before);
    expect(paidCurrencies()).toEqual(['eur', 'usd']);
  });

  test('has no finding when a payout is settled, or a charge is made, while Stripe is being listed', async () => {
    const { stripeBalance } = house.services;
    await house.close(dateAfter(2), {
      stripeBalance: {
        ...stripeBalance,
        async listPage(window) {
          const listed = await stripeBalance.listPage(window);
          await house.call({ number: roads.usd.number });
          await house.work({}, ['reconciliation.reconcile-money']);
          await billNow();
          return listed;
        },
      },
    });
    expect(await findings()).toEqual([]);
    expect(await differences(dateAfter(2))).toEqual([]);
  });

  /** An invoice that was declined before is paid in this very moment. */
  async function billNow(): Promise<void> {
    const [row] = await house.sql<{ id: string }>(
      `insert into invoices (buyer_id, currency, period_end, business_date, amount_minor, planned_at, collect_on)
       select $1, 'usd', now(), $2, 4000, to_timestamp(0), $2 returning id`,
      [roads.usd.buyer.id, dateAfter(2)],
    );
    const id = row?.id ?? '';
    await house.sql('update earnings set invoice_id = $1 where invoice_id is null', [id]);
    await house.sql('insert into invoice_lines values ($1, $2, 1, 120, 4000)', [id, roads.usd.id]);
    await house.services.billing.poke(id, 'hint', house.clock.nowMs());
    await house.run(await house.row('billing.bill-buyer', id));
  }
});

/** Journals of the newest charge in usd; what is matched once is not read again, so they are changed before. */
const newest = "id = (select max(id) from journals where template = 'charge' and currency = 'usd')";
const changeNet = (by: number) =>
  changeJournals(house.sql, {
    set: `amounts = amounts || jsonb_build_object('net', (amounts ->> 'net')::bigint + ${by}, 'fee', (amounts ->> 'fee')::bigint - ${by})`,
    where: newest,
  });
const changeRefs = (chargeId: string, movementId: string) =>
  changeJournals(house.sql, {
    set: `refs = refs || jsonb_build_object('chargeId', ${chargeId}, 'balanceTransactionId', ${movementId})`,
    where: newest,
  });
/** Closes the third day, in which a call in usd is charged; its journals are spoilt before they are compared. */
async function closeSpoilt(make: () => Promise<unknown>): Promise<void> {
  const { reconciliation } = house.services;
  let made = false;
  await house.call({ number: roads.usd.number, startedAtMs: house.clock.nowMs() - 12 * 3_600_000 });
  await house.close(dateAfter(2), {
    reconciliation: {
      ...reconciliation,
      async openListing(nowMs) {
        if (made) return reconciliation.openListing(nowMs);
        made = true;
        await make();
        // A younger movement may still be on its way to its row.
        house.advance(3 * 60_000);
        return reconciliation.openListing(house.clock.nowMs());
      },
    },
  });
}

/** How each kind of break comes about and, where it can, goes away. */
const spoil: Record<
  string,
  { kinds: string[]; spoil: () => Promise<unknown>; mend: (() => Promise<unknown>) | null }
> = {
  'a transfer that nobody here sent': {
    kinds: ['orphan_transfer usd'],
    spoil: () =>
      stripe('/v1/transfers', {
        amount: '100',
        currency: 'usd',
        destination: roads.eur.supplier.account ?? '',
      }),
    mend: null,
  },
  'a movement of a kind that the books do not know': {
    kinds: ['unknown_category usd'],
    spoil: () =>
      house.sql(`insert into stripe_movements (id, reporting_category, amount_minor, fee_minor, net_minor, currency, available_at, created_at, seen_at)
        values ('txn_fee', 'fee', -100, 0, -100, 'usd', now(), '2026-11-02', now())`),
    mend: null,
  },
  'a charge of another net amount': {
    kinds: ['fee usd'],
    spoil: () => changeNet(-1),
    mend: () => changeNet(1),
  },
  'a charge that Stripe does not have': {
    kinds: ['expected usd', 'missing_in_ledger usd'],
    spoil: () => changeRefs("'x' || (refs ->> 'chargeId')", "'x' || (refs ->> 'balanceTransactionId')"),
    mend: () => changeRefs("substr(refs ->> 'chargeId', 2)", "substr(refs ->> 'balanceTransactionId', 2)"),
  },
};

describe('a break', () => {
  test.each(Object.keys(spoil))(
    '%s stops payouts of its currency only, and keeps its identity',
    async (name) => {
      const { kinds, spoil: make, mend } = spoil[name] ?? { kinds: [], spoil: async () => {}, mend: null };
      if (name.startsWith('a charge')) await closeSpoilt(make);
      else {
        await make();
        await house.close(dateAfter(2));
      }
      expect(await open()).toEqual(kinds);
      expect(paidCurrencies()).toEqual(['eur']);
      const first = await findings();
      await house.close(dateAfter(3));
      expect(await findings()).toEqual(first);
      expect(paidCurrencies()).toEqual(['eur']);
      if (mend === null) return;
      await mend();
      await house.close(dateAfter(4));
      expect(await open()).toEqual([]);
      await house.close(dateAfter(5));
      expect(paidCurrencies()).toEqual(['eur', 'usd']);
    },
  );

  test('that comes back is the same row, open again', async () => {
    const break_ = spoil['a charge of another net amount'];
    await closeSpoilt(break_?.spoil ?? (async () => {}));
    const [first] = await findings();
    await break_?.mend?.();
    await house.close(dateAfter(3));
    expect(await open()).toEqual([]);
    await changeNet(-1);
    await house.close(dateAfter(4));
    expect(await findings()).toEqual([first]);
  });
});

describe('each half of the gate stops alone', () => {
  const reasons = async (day: number) => {
    const { skipped } = await house.services.payouts.plan(dateAfter(day), house.clock.nowMs());
    return skipped.map(({ currency, reason }) => `${currency} ${reason}`);
  };

  test('a break, although the totals differ by no more than is tolerated', async () => {
    await house.sql('update settings set difference_threshold_minor = 1000');
    await spoil['a transfer that nobody here sent']?.spoil();
    await house.close(dateAfter(2));
    expect(await reasons(2)).toEqual(['usd break_open']);
    expect(paidCurrencies()).toEqual(['eur']);
  });

  test('a difference of the totals, although each movement is explained', async () => {
    await house.sql(
      "update ledger_accounts set balance_minor = balance_minor + 1 where kind = 'stripe_pending' and currency = 'usd'",
    );
    await house.close(dateAfter(2));
    expect(await findings()).toEqual([]);
    expect(await reasons(2)).toEqual(['usd difference_unexplained']);
    expect(paidCurrencies()).toEqual(['eur']);
  });
});

describe('a database that was set back to a backup', () => {
  test('pays nobody twice: a payout that is planned again is the same one to Stripe', async () => {
    await backUp(house.sql);
    await house.close(dateAfter(2));
    expect(paidCurrencies()).toEqual(['eur', 'usd']);
    await restore(house.sql);
    await house.close(dateAfter(2));
    await house.close(dateAfter(3));
    expect(await open()).toEqual([]);
    expect(paid()).toHaveLength(2);
  });

  test('pays nobody twice: what Stripe has known for minutes and the ledger forgot stops the payouts', async () => {
    await backUp(house.sql);
    await house.close(dateAfter(2));
    await restore(house.sql);
    house.advance(5 * 60_000);
    await house.close(dateAfter(2));
    await house.close(dateAfter(3));
    expect(await open()).toEqual(['orphan_transfer eur', 'orphan_transfer usd']);
    expect(paid()).toHaveLength(2);
  });

  test('finds a charge that it forgot by reading its invoice again, and bills it once', async () => {
    await house.call({ number: roads.usd.number, startedAtMs: house.clock.nowMs() - 12 * 3_600_000 });
    await house.work();
    await house.begin(dateAfter(2));
    await house.work({}, ['billing.bill-buyer']);
    await backUp(house.sql);
    await house.work();
    await restore(house.sql);
    house.simulator.faults.pruneKeys();
    house.advance(30 * 3_600_000);
    await house.work();
    await house.close(dateAfter(3));
    expect(house.simulator.journal.all('charge')).toHaveLength(3);
    expect(await open()).toEqual(['orphan_transfer eur', 'orphan_transfer usd']);
  });
});

describe('a comparison that did not come to its end', () => {
  test('lets no payout be planned, and the next night pays', async () => {
    const { reconciliation } = house.services;
    const broken = {
      ...reconciliation,
      reconcile: () => Promise.reject(new TransientError('DATABASE_CONFLICT', 'never')),
    };
    await house.close(dateAfter(2), { reconciliation: broken });
    const plan = await house.services.payouts.plan(dateAfter(2), house.clock.nowMs());
    expect(plan.planned).toBe(0);
    expect(new Set(plan.skipped.map(({ reason }) => reason))).toEqual(new Set(['reconciliation_unfinished']));
    expect(paid()).toEqual([]);
    await house.close(dateAfter(3));
    expect(paidCurrencies()).toEqual(['eur', 'usd']);
  });

  test('stops payouts with its reason, also when money had cleared before', async () => {
    await house.services.payouts.stop(true, 'ops', 'a drill', house.clock.nowMs());
    await house.close(dateAfter(2));
    await house.services.payouts.stop(false, 'ops', 'it is over', house.clock.nowMs());
    const stripeBalance = {
      ...house.services.stripeBalance,
      listPage: () => Promise.reject(new TransientError('ANSWER_INVALID', 'cut')),
    };
    await house.close(dateAfter(3), { stripeBalance });
    const { skipped } = await house.services.payouts.plan(dateAfter(3), house.clock.nowMs());
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'reconciliation_unfinished',
      'reconciliation_unfinished',
    ]);
    expect(paid()).toEqual([]);
  });
});
