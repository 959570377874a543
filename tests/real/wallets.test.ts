import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { balancesOf } from '../helpers/books.ts';
import { DAY_MS, dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { listAllMovements } from '../helpers/movements.ts';
import { WALLET, walletsOver } from '../helpers/wallets.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const {
  post,
  intents,
  charged,
  transfers,
  statuses,
  states,
  wallet,
  topups,
  expectRight,
  prepaid,
  calls,
  night,
  useCard,
} = walletsOver(() => house);

describe('a buyer with a wallet', () => {
  test('has it charged when it is low, and its calls wait for the money and are drawn from it, on no invoice', async () => {
    const road = await prepaid();
    await calls(road, 1);
    expect(await statuses()).toEqual(['qualified']);
    expect(await house.sql('select decision from call_scores order by facts_version')).toEqual([
      { decision: 'hold' },
      { decision: 'qualify' },
    ]);
    expect(await wallet()).toMatchObject({
      coverMinor: 6_000,
      availableMinor: 0,
      heldCalls: 0,
      stoppedBy: null,
    });
    await night(0);
    expect(await house.sql('select id from invoices')).toEqual([]);
    expect(house.simulator.journal.all('invoice')).toEqual([]);
    await expectRight();
  });

  test('pays its suppliers when the money of the wallet is available, and not before', async () => {
    await calls(await prepaid(), 2);
    await night(0);
    expect(await states()).toEqual(['billed', 'billed']);
    expect(transfers()).toEqual([]);
    await night(1);
    expect(transfers()).toEqual([5_600]);
    expect(await states()).toEqual(['paid', 'paid']);
    await expectRight();
  });

  test('clears the oldest calls first, as far as available money goes', async () => {
    const road = await prepaid('pm_card_visa', { ...WALLET, lowWaterMinor: 0, rechargeMinor: 8_000 });
    await calls(road, 2);
    house.advanceTo(Date.parse(`${dateAfter(1)}T08:00:00Z`));
    // The first top-up is available by now, the one for this call not before two days have passed.
    await calls(road, 1);
    expect(await statuses()).toEqual(['qualified', 'qualified', 'qualified']);
    for (const days of [0, 1]) await night(days);
    expect(await states()).toEqual(['paid', 'paid', 'billed']);
    await expectRight();
  });

  test('whose card is declined has its calls held, one try a day, and none after three', async () => {
    const road = await prepaid('pm_card_chargeDeclinedInsufficientFunds');
    await calls(road, 2);
    expect(await statuses()).toEqual(['held', 'held']);
    expect(await topups()).toEqual([{ state: 'failed', last_problem: 'insufficient_funds' }]);
    expect(intents()).toEqual(['canceled']);
    expect(await wallet()).toMatchObject({
      stoppedBy: 'declined_today',
      heldCalls: 2,
      lastProblem: 'insufficient_funds',
    });
    for (const days of [0, 1, 2, 3]) await night(days);
    expect(await topups()).toHaveLength(3);
    expect(await wallet()).toMatchObject({ stoppedBy: 'declined_three_times' });
    await expectRight();

    await useCard(road.buyer.customer, 'pm_card_visa');
    const by = { by: 'ops', reason: 'a new card', nowMs: house.clock.nowMs() };
    expect(await house.services.wallets.recharge(road.buyer.id, 'usd', by)).toMatchObject({ asked: true });
    expect(await house.services.wallets.recharge(road.buyer.id, 'usd', by)).toMatchObject({ asked: false });
    await house.work();
    expect(await statuses()).toEqual(['qualified', 'qualified']);
    expect(await wallet()).toMatchObject({ coverMinor: 12_000, stoppedBy: null });
    expect(
      await house.sql(
        "select actor, detail ->> 'reason' as reason from audit_log where action = 'wallet.recharge'",
      ),
    ).toEqual([{ actor: 'ops', reason: 'a new card' }]);
    await expectRight();
  });

  test('whose wallet covers a call only in part has it held', async () => {
    const road = await prepaid('pm_card_visa', { lowWaterMinor: 0, rechargeMinor: 6_000, mostPerDay: 1 });
    await calls(road, 2);
    expect(await statuses()).toEqual(['qualified', 'held']);
    expect(await wallet()).toMatchObject({ coverMinor: 2_000, heldCalls: 1 });
  });

  test('without a customer at Stripe is charged nothing, without a payment method its top-up fails: its line says why', async () => {
    const road = await prepaid();
    const bare = (await post('/v1/customers', { name: 'bare' })) as { id: string };
    await house.sql('update buyers set stripe_customer_id = $1', [bare.id]);
    await calls(road, 1);
    expect(await topups()).toEqual([{ state: 'failed', last_problem: 'no_payment_method' }]);
    await house.sql('update buyers set stripe_customer_id = null');
    await calls(road, 1);
    expect(await wallet()).toMatchObject({ stoppedBy: 'no_customer', heldCalls: 2 });
    expect(intents()).toEqual([]);
  });

  test('is charged no more often on a date than its terms say', async () => {
    const road = await prepaid('pm_card_visa', { lowWaterMinor: 5_000, rechargeMinor: 4_000, mostPerDay: 2 });
    await calls(road, 4);
    expect(charged().map(({ amount }) => amount)).toEqual([4_000, 4_000]);
    expect(await statuses()).toEqual(['qualified', 'qualified', 'held', 'held']);
    expect(await wallet()).toMatchObject({ stoppedBy: 'most_per_day' });
    await night(0);
    expect(charged()).toHaveLength(4);
    expect(await statuses()).toEqual(['qualified', 'qualified', 'qualified', 'qualified']);
    await expectRight();
  });

  test('whose bank is still processing the debit is credited nothing before it has answered', async () => {
    const road = await prepaid('pm_usBankAccount_success');
    await calls(road, 1);
    expect(await topups()).toMatchObject([{ state: 'processing' }]);
    expect(await statuses()).toEqual(['held']);
    expect(await wallet()).toMatchObject({ coverMinor: 0, stoppedBy: 'under_way' });
    for (const days of [0, 1]) await night(days);
    expect(await statuses()).toEqual(['qualified']);
    expect(await topups()).toMatchObject([{ state: 'paid' }]);
    await expectRight();
  });

  test('whose bank refuses the debit has its top-up failed, and nobody can pay it later', async () => {
    const road = await prepaid('pm_usBankAccount_insufficientFunds');
    await calls(road, 1);
    for (const days of [0, 1]) await night(days);
    expect(await topups()).toMatchObject([
      { state: 'failed', last_problem: 'insufficient_funds' },
      { state: 'processing' },
    ]);
    expect(intents()).toEqual(['canceled', 'processing']);
    expect(await wallet()).toMatchObject({ coverMinor: 0 });
  });

  test('hears of a payment by webhook: the job reads it', async () => {
    const road = await prepaid('pm_usBankAccount_success');
    await calls(road, 1);
    house.advance(3 * DAY_MS);
    // Whatever is asked of the simulator, its banks have answered by now.
    await listAllMovements(house.services.stripeBalance, {
      createdFromMs: 0,
      createdBeforeMs: house.clock.nowMs(),
      signal: new AbortController().signal,
    });
    const [intent] = house.simulator.journal.all('payment_intent');
    expect(await house.services.wallets.poke(intent?.id ?? '', 'webhook', house.clock.nowMs())).toBe(true);
    await house.work();
    expect(await statuses()).toEqual(['qualified']);
    expect(await house.services.wallets.poke(intent?.id ?? '', 'webhook', house.clock.nowMs())).toBe(false);
    expect(await house.services.wallets.poke('pi_of_others', 'webhook', house.clock.nowMs())).toBe(false);
  });

  test('has a call that waited too long rejected, with the reason', async () => {
    const road = await prepaid('pm_card_chargeDeclined');
    await calls(road, 1);
    await house.sql('update settings set cover_hold_days = 2');
    for (const days of [0, 1]) await night(days);
    expect(await statuses()).toEqual(['held']);
    await night(2);
    expect(await statuses()).toEqual(['rejected']);
    expect(
      await house.sql(
        "select reasons -> 0 ->> 'signal' as signal from call_scores order by facts_version desc limit 1",
      ),
    ).toEqual([{ signal: 'wallet-stayed-empty' }]);
    await expectRight();
  });

  test('that is invoiced from now on has its held calls rated, and billed', async () => {
    const road = await prepaid('pm_card_chargeDeclined');
    await calls(road, 1);
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', prepaid: null }] });
    await night(0);
    expect(await states()).toEqual(['accrued']);
    await night(1);
    expect(await house.sql('select amount_minor::int as amount from invoices')).toEqual([{ amount: 4_000 }]);
    await expectRight();
  });

  test.each(['before its supplier is paid', 'after it'])(
    'has the price of a call that is adjusted in its wallet again, %s',
    async (when) => {
      const road = await prepaid();
      await calls(road, 2);
      if (when === 'after it') for (const days of [0, 1, 2]) await night(days);
      const [call] = await house.sql<{ id: string }>('select id from calls order by started_at limit 1');
      await house.services.adjustments.ask(call?.id ?? '', 'ops', 'fraud', house.clock.nowMs());
      await house.work();
      expect(await statuses()).toEqual(['rejected', 'qualified']);
      expect(await wallet()).toMatchObject({ coverMinor: 16_000 });
      expect(await balancesOf(house.sql)).toMatchObject(
        when === 'after it' ? { supplier_debt: 2_800 } : { supplier_pending: -2_800 },
      );
      await expectRight();
    },
  );

  test('is refused where its terms cannot be charged', async () => {
    const road = await house.road();
    const put = (terms: Record<string, typeof WALLET>) =>
      house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', prepaid: terms }] }).then(
        () => 'taken',
        (error: unknown) => codeOf(error, 'INTERNAL'),
      );
    expect(await put({ usd: { ...WALLET, rechargeMinor: 49 } })).toBe('PARTIES_REFUSED');
    expect(await put({ ugx: { ...WALLET, rechargeMinor: 200_050 } })).toBe('PARTIES_REFUSED');
    expect(await put({ xxx: WALLET })).toBe('PARTIES_REFUSED');
    expect(await house.sql('select prepaid from buyers')).toEqual([{ prepaid: {} }]);
  });
});
