import { expect } from 'vitest';
import { PLATFORM_BANK } from '../../sandbox/stripe/payouts.ts';
import { readCamt053 } from '../../src/integrations/bank/camt053.ts';
import { adding, bytes, camt, type Line } from './bank.ts';
import { wrongIn } from './books.ts';
import { dateAfter, type House, openHouse } from './house.ts';
import { SECRET_KEY } from './seeding.ts';
import { rawApi } from './stripe.ts';

const JOB = 'reconciliation.reconcile-deposits';
/** What is left of a call of 40.00 when it was charged and its supplier paid: the margin, less Stripe's fee. */
export const BALANCE = 4_000 - 146 - 2_800;

/** As operators say which banks are the platform's. */
export const ownBanks = (sql: House['sql'], banks: readonly string[]) =>
  sql('update settings set payout_destinations = $1', [banks]);

export type BankHouse = Awaited<ReturnType<typeof openBankHouse>>;

/** A house whose platform has one call's margin on its balance, and a bank. */
export async function openBankHouse() {
  const house = await openHouse();
  await ownBanks(house.sql, [PLATFORM_BANK]);
  const { number } = await house.road({ card: 'pm_card_bypassPending' });
  await house.call({ number });
  await house.close(dateAfter(0));
  const { deposits, clock, audit } = house.services;
  let night = 0;
  const row = (date: string) => house.row(JOB, date);
  /** To 10:45 of the next day, when the pipeline is due, after that day's close. */
  async function nextNight(): Promise<string> {
    night += 1;
    const date = dateAfter(night);
    await house.close(date);
    house.advanceTo(Date.parse(`${dateAfter(night + 1)}T10:45:00Z`));
    await house.tick();
    return date;
  }
  const shown = async (id: string) => (await deposits.list()).payouts.find((payout) => payout.id === id);
  return {
    ...{ house, nextNight, row, shown },
    async reconcile(): Promise<void> {
      const date = await nextNight();
      expect(await house.run(await row(date))).toMatchObject({ end: 'finish', code: null });
    },
    async payOut(amount: number, destination: string = PLATFORM_BANK): Promise<string> {
      const form = { amount: String(amount), currency: 'usd', destination };
      const answer = await rawApi(house.simulator.url, SECRET_KEY)('POST', '/v1/payouts', form);
      if (answer.status !== 200) throw new Error(answer.text);
      return answer.json().id;
    },
    importLines: (lines: readonly Line[], { id = 'S-1', isDry = false, account = {} } = {}) =>
      deposits.importFile('main', readCamt053(bytes(camt([adding(lines, 100_000, id)], account))), {
        ...{ by: 'ops', marker: null, isDry, nowMs: clock.nowMs() },
      }),
    /** Of the accounts between Stripe and the bank, where there is any. */
    async balances(): Promise<Record<string, number>> {
      const rows = await house.sql<{ kind: string; balance: number }>(
        "select kind, balance_minor as balance from ledger_accounts where kind in ('stripe_available', 'bank_in_transit', 'bank') and balance_minor <> 0",
      );
      return Object.fromEntries(rows.map(({ kind, balance }) => [kind, balance]));
    },
    /** Open ones: identity, kind, amount. */
    async breaks(): Promise<string[]> {
      const rows = await house.sql<{ what: string }>(
        "select identity || ' ' || kind || ' ' || amount_minor as what from reconciliation_breaks where state = 'open' order by 1",
      );
      return rows.map(({ what }) => what);
    },
    traceOf: async (id: string) => (await shown(id))?.traceId ?? '',
    async expectRight(): Promise<void> {
      const { failures } = await audit.run({ nowMs: clock.nowMs() });
      expect(failures).toEqual([]);
      expect(await wrongIn(house.sql)).toEqual([]);
      expect(house.simulator.journal.check()).toEqual([]);
    },
  };
}
