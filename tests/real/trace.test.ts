import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { renderTrace } from '../../src/cli/trace.ts';
import { creditNotesOver } from '../helpers/credit-notes.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';
import { openInvoice } from '../helpers/one-invoice.ts';
import { readyPayout } from '../helpers/payouts.ts';
import { SECRET_KEY } from '../helpers/seeding.ts';
import { rawApi } from '../helpers/stripe.ts';
import { WALLET } from '../helpers/wallets.ts';

keepServer();

const traceOf = (house: House, id: string | null | undefined) => house.services.traces.trace(id ?? '');
/** Each link as `link state amount`, journals by their template. */
async function linksOf(house: House, id: string | null | undefined): Promise<string[]> {
  const { links } = await traceOf(house, id);
  return links.map(({ link, state, amountMinor, facts }) =>
    [link, link === 'journal' ? facts.template : state, amountMinor]
      .filter((part) => part !== null)
      .join(' '),
  );
}
async function idOf(house: House, query: string): Promise<string> {
  const [row] = await house.sql<{ id: string }>(query);
  if (row === undefined) throw new Error(`nothing answers ${query}`);
  return row.id;
}
const firstCall = (house: House) => idOf(house, 'select id from calls order by started_at limit 1');

describe('a call that was paid through to its supplier’s bank', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
    const { number } = await house.road();
    for (const hour of [2, 1])
      await house.call({ number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
    for (const night of [0, 1, 2, 3, 4, 5]) await house.close(dateAfter(night));
  });
  afterAll(() => house.end());

  const SHARED = [
    'journal call 4000',
    'journal invoice 8000',
    'journal charge 8000',
    'journal available 7738',
    'journal clear 5600',
    'journal payout_reserve 5600',
    'journal payout_send 5600',
    'invoice paid 8000',
    'invoice_line paid 8000',
    'charge available 8000',
    'balance_transaction matched 7738',
    'balance_transaction matched -5600',
    'payout sent 5600',
    'transfer sent 5600',
    'bank_payout paid 5600',
  ];
  const ofMany = ['calls paid 8000', 'call paid 4000', 'call paid 4000', ...SHARED.slice(1)];

  test('is traced link by link from the call', async () => {
    expect(await linksOf(house, await firstCall(house))).toEqual([
      ...['call qualified', 'score qualify', 'earning paid 4000'],
      ...SHARED,
    ]);
  });

  test.each([
    ['invoice', 'invoice', 'select id from invoices'],
    ['invoice of Stripe', 'invoice', 'select stripe_invoice_id as id from invoices'],
    ['charge', 'charge', 'select charge_id as id from charges'],
    ['charge’s movement', 'balance_transaction', 'select balance_transaction_id as id from charges'],
    ['payout', 'payout', 'select id from payouts'],
    ['transfer', 'transfer', 'select transfer_id as id from payouts'],
    ['transfer’s movement', 'balance_transaction', 'select balance_transaction_id as id from payouts'],
  ])(
    'is found by the id of its %s, with the sums of all its calls and the first of them',
    async (_, kind, query) => {
      const id = await idOf(house, query);
      expect((await traceOf(house, id)).kind).toBe(kind);
      expect(await linksOf(house, id)).toEqual(ofMany);
    },
  );

  test('is found by its earning, and by the payout to the bank as far as Stripe says', async () => {
    const earning = await idOf(house, 'select id from earnings order by started_at limit 1');
    expect(await linksOf(house, earning)).toEqual(await linksOf(house, await firstCall(house)));
    const links = await linksOf(house, await idOf(house, 'select id from bank_payouts'));
    expect(links).toEqual(
      expect.arrayContaining(['payout sent 5600', 'transfer sent 5600', 'bank_payout paid 5600']),
    );
  });

  test('is printed a line for each link, the one that was asked for marked', async () => {
    const id = await idOf(house, 'select transfer_id as id from payouts');
    const text = renderTrace(id, await traceOf(house, id));
    expect(text.split('\n').filter((line) => line.startsWith('>'))).toEqual([
      expect.stringMatching(new RegExp(`^> +transfer +${id} +sent +56\\.00 USD`)),
    ]);
  });

  test('shows a movement that differs from the books, and one that Stripe does not list', async () => {
    const id = await idOf(house, 'select balance_transaction_id as id from charges');
    await house.sql('update stripe_movements set net_minor = net_minor - 1 where id = $1', [id]);
    expect(await linksOf(house, id)).toContain('balance_transaction differs 7737');
    await house.sql('delete from stripe_movements where id = $1', [id]);
    expect(await linksOf(house, id)).toContain('balance_transaction not_listed 7738');
  });
});

describe('a link', () => {
  let house: House;
  beforeEach(async () => {
    house = await openHouse();
  });
  afterEach(() => house.end());

  test('that has not come yet is waited for, each at its time', async () => {
    const { number } = await house.road();
    await house.call({ number });
    const id = await firstCall(house);
    expect(await linksOf(house, id)).toEqual(['call stored', 'score waiting']);
    await house.work();
    const rated = ['call qualified', 'score qualify', 'earning accrued 4000', 'journal call 4000'];
    expect(await linksOf(house, id)).toEqual([...rated, 'invoice waiting 4000', 'payout waiting 2800']);
    await house.close(dateAfter(0));
    expect(await linksOf(house, id)).toEqual(
      expect.arrayContaining([
        'earning billed 4000',
        'invoice paid 4000',
        'charge pending 4000',
        'payout waiting 2800',
      ]),
    );
  });

  test('that waits for a person or for Stripe says so: a payout that is planned, an invoice that was declined', async () => {
    const { id } = await readyPayout(house);
    expect(await linksOf(house, id)).toEqual(
      expect.arrayContaining(['calls cleared 4000', 'payout planned 2800', 'transfer waiting 2800']),
    );
    const { number, buyer } = await house.road({ card: 'pm_card_chargeCustomerFail' });
    await house.call({ number });
    await house.work();
    await house.close(dateAfter(3));
    const invoice = await idOf(house, `select id from invoices where buyer_id = '${buyer.id}'`);
    expect(await linksOf(house, invoice)).toEqual(
      expect.arrayContaining(['invoice open 4000', 'charge waiting 4000', 'payout waiting 2800']),
    );
  });

  test('that was rejected ends the chain, and says by which signals', async () => {
    const { number } = await house.road();
    await house.call({ number, durationS: 3 });
    await house.work();
    const { links } = await traceOf(house, await firstCall(house));
    expect(links.map(({ link, state }) => `${link} ${state}`)).toEqual(['call rejected', 'score reject']);
    expect(links[1]?.facts.reasons).toEqual(expect.arrayContaining([expect.any(String)]));
  });

  test('of a wallet is drawn from it, and its top-up is traced to its charge', async () => {
    const road = await house.road();
    await house.put({ buyers: [{ id: road.buyer.id, name: 'Buyer', prepaid: { usd: WALLET } }] });
    await house.call({ number: road.number });
    await house.work();
    await house.work();
    expect(await linksOf(house, await firstCall(house))).toEqual(
      expect.arrayContaining(['earning billed 4000', 'wallet drawn 4000', 'payout waiting 2800']),
    );
    const topup = await idOf(house, "select id from topups where state = 'paid' limit 1");
    expect(await linksOf(house, topup)).toEqual([
      'journal charge 10000',
      'topup paid 10000',
      'charge pending 10000',
      expect.stringContaining('balance_transaction not_listed'),
    ]);
    const intent = await idOf(house, `select payment_intent_id as id from topups where id = '${topup}'`);
    expect(await linksOf(house, intent)).toEqual(await linksOf(house, topup));
  });

  test('of a transfer that was reversed shows what came back, and that it is owed again', async () => {
    const { number } = await house.road();
    await house.call({ number });
    for (const night of [0, 1, 2]) await house.close(dateAfter(night));
    const transfer = await idOf(house, 'select transfer_id as id from payouts');
    await rawApi(house.simulator.url, SECRET_KEY)('POST', `/v1/transfers/${transfer}/reversals`, {
      amount: '300',
    });
    await house.close(dateAfter(3));
    const shown = [
      'transfer partly_reversed 2800',
      'transfer_reversal owed_again 300',
      'journal transfer_reversal 300',
      'balance_transaction matched 300',
    ];
    expect(await linksOf(house, transfer)).toEqual(expect.arrayContaining(shown));
    const reversal = await idOf(house, 'select id from transfer_reversals');
    expect(await traceOf(house, reversal)).toMatchObject({ kind: 'transfer_reversal' });
    expect(await linksOf(house, reversal)).toEqual(expect.arrayContaining(shown));
  });

  test('of a call that is taken back shows what the adjustment waits for, and the credit that it becomes', async () => {
    const { number } = await house.road();
    await house.call({ number });
    await house.close(dateAfter(0));
    const id = await firstCall(house);
    await house.services.adjustments.ask(id, 'ops', 'fraud was found', house.clock.nowMs());
    await house.work();
    const { links } = await traceOf(house, id);
    expect(links.find(({ link }) => link === 'adjustment')).toMatchObject({
      state: 'waiting',
      facts: { waitsFor: 'invoice_not_paid', askedBy: 'ops' },
    });
    expect(await linksOf(house, id)).toEqual(expect.arrayContaining(['payout waiting 2800']));
    for (const night of [1, 2, 3]) await house.close(dateAfter(night));
    const posted = await linksOf(house, id);
    expect(posted).toEqual(
      expect.arrayContaining([
        ...['earning clawed_back 4000', 'adjustment posted 4000', 'journal adjustment 4000'],
        'credit open 4000',
      ]),
    );
    expect(posted).not.toContain('payout waiting 2800');
    expect(await linksOf(house, await idOf(house, 'select id from adjustments'))).toEqual(posted);
  });

  test('that nobody expects is a balance transaction of its own, with its break, and what was booked of it', async () => {
    const { number, supplier } = await house.road();
    await house.call({ number });
    for (const night of [0, 1]) await house.close(dateAfter(night));
    house.advanceTo(Date.parse(`${dateAfter(3)}T08:00:00Z`));
    const money = { amount: '700', currency: 'usd', destination: supplier.account ?? '' };
    await rawApi(house.simulator.url, SECRET_KEY)('POST', '/v1/transfers', money);
    await house.close(dateAfter(2));
    const alien = await idOf(
      house,
      "select evidence ->> 'movement' as id from reconciliation_breaks where state = 'open'",
    );
    const { kind, links } = await traceOf(house, alien);
    expect(kind).toBe('balance_transaction');
    expect(links).toMatchObject([
      { state: 'not_in_the_books', amountMinor: -700, facts: { break: 'open: orphan_transfer' } },
    ]);
    const identity = await idOf(
      house,
      "select identity as id from reconciliation_breaks where state = 'open'",
    );
    const facts = { by: 'ops', reason: 'of the shop', nowMs: house.clock.nowMs() };
    await house.services.breaks.resolve(identity, {}, facts);
    const booked = ['journal break_resolved 700', 'balance_transaction not_in_the_books -700'];
    expect(await linksOf(house, alien)).toEqual(booked);
  });

  test('of nothing is refused by a code', async () => {
    for (const id of ['tr_nothing', '00000000-0000-4000-8000-000000000000', '', "'; drop table calls"])
      await expect(traceOf(house, id)).rejects.toMatchObject({ code: 'TRACE_UNKNOWN' });
  });
});

describe('money that was taken back', () => {
  test('shows the refund beside its charge, with its movement, and the calls that it ended', async () => {
    const { house, invoiceId, charge, say, becomeAvailable, move, record } = await openInvoice();
    try {
      await say('paid', [charge(1, 12_000)]);
      await becomeAvailable([charge(1, 12_000)]);
      await move('refund', 're_1', -4_000);
      await record('re_1', 'refund', 'succeeded');
      const shown = [
        ...['refund final 4000', 'journal refund 4000', 'journal write_off 4000'],
        ...['calls written_off 4000', 'calls cleared 8000', 'balance_transaction matched -4000'],
      ];
      expect(await linksOf(house, 're_1')).toEqual(expect.arrayContaining(shown));
      expect(await linksOf(house, invoiceId)).toEqual(await linksOf(house, 're_1'));
    } finally {
      await house.end();
    }
  });

  test('shows a credit note on an open invoice', async () => {
    const house = await openHouse();
    const { callIds } = creditNotesOver(() => house);
    try {
      const { number, buyer } = await house.road();
      await house.put({ buyers: [{ id: buyer.id, name: 'Buyer', paymentTermsDays: 30 }] });
      for (const hour of [2, 1])
        await house.call({ number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
      await house.close(dateAfter(0));
      const [first = ''] = await callIds();
      await house.services.adjustments.ask(first, 'ops', 'fraud was found', house.clock.nowMs());
      await house.work();
      await house.close(dateAfter(1));
      const shown = ['credit_note issued 4000', 'invoice open 8000', 'adjustment posted 4000'];
      expect(await linksOf(house, first)).toEqual(expect.arrayContaining(shown));
      const note = await idOf(house, 'select stripe_credit_note_id as id from credit_notes');
      expect(await linksOf(house, note)).toEqual(await linksOf(house, first));
    } finally {
      await house.end();
    }
  });
});
