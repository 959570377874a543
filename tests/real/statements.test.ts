import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Statement } from '../../src/integrations/supabase/statements.ts';
import { history, nights } from '../helpers/histories/commands.ts';
import { openWorld } from '../helpers/histories/world.ts';
import { DAY_MS, type House, keepServer, openHouse } from '../helpers/house.ts';

keepServer();

/** What does not add up in a statement, or differs from the accounts of the ledger; empty when all does. */
async function wrongIn(house: House, statement: Statement): Promise<string[]> {
  const wrong: string[] = [];
  const sign = statement.kind === 'supplier' ? -1 : 1;
  const kinds = statement.kind === 'supplier' ? ['supplier', 'payouts_in_transit'] : ['buyer'];
  const balances = await house.sql<{ kind: string; currency: string; balance: number }>(
    'select kind, currency, balance_minor as balance from ledger_accounts where owner_id = $1 and balance_minor <> 0',
    [statement.partyId],
  );
  for (const { kind, currency, balance } of balances) {
    const part = statement.currencies.find((one) => one.currency === currency);
    const closing = part?.accounts.find(({ account }) => account === kind)?.closingMinor ?? 0;
    if (closing !== sign * balance) wrong.push(`${kind} is ${sign * balance}, and not ${closing}`);
    if (!kinds.some((start) => kind.startsWith(start))) wrong.push(`${kind} is not of a ${statement.kind}`);
  }
  const own = await referencesOf(house, statement);
  for (const { currency, openingMinor, closingMinor, accounts, lines } of statement.currencies) {
    const sum = (of: readonly number[]) => of.reduce((all, one) => all + one, 0);
    if (openingMinor + sum(lines.map(({ amountMinor }) => amountMinor)) !== closingMinor)
      wrong.push(`${currency} does not add up`);
    for (const { account, openingMinor: opening, closingMinor: closing } of accounts) {
      const moved = sum(lines.map((line) => line.accounts[account] ?? 0));
      if (opening + moved !== closing) wrong.push(`${currency} ${account} does not add up`);
    }
    for (const { reference } of lines)
      if (reference !== null && !own.has(reference)) wrong.push(`${reference} is of somebody else`);
    for (const line of lines)
      if (sum(Object.values(line.accounts)) !== line.amountMinor)
        wrong.push(`a line of ${line.date} does not add up`);
  }
  return wrong;
}

/** What a party may be told of: ids of its own rows, and of those at Stripe. */
async function referencesOf({ sql }: House, { kind, partyId }: Statement): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string | null }>(
    kind === 'supplier'
      ? `select unnest(array[p.id::text, p.transfer_id]) as id from payouts p where p.supplier_id = $1
         union select r.id from transfer_reversals r where r.supplier_id = $1`
      : `select unnest(array[i.stripe_invoice_id, c.charge_id, w.id]) as id
         from (select id, null as topup_id, stripe_invoice_id from invoices where buyer_id = $1
             union all select null, id, null from topups where buyer_id = $1) i
           left join charges c on c.invoice_id = i.id or c.topup_id = i.topup_id left join withdrawals w on w.charge_id = c.charge_id`,
    [partyId],
  );
  return new Set(rows.flatMap(({ id }) => (id === null ? [] : [id])));
}

test('whatever happens to suppliers and buyers, their statements sum to the ledger', async () => {
  const seed = Math.floor(Date.now() / DAY_MS);
  const histories = fc.sample(history, { seed, numRuns: 24 });
  const [given = []] = fc.sample(nights, { seed, numRuns: 1 });
  const world = await openWorld(histories.length);
  try {
    await world.live(histories, given);
    const wrong: string[] = [];
    let lines = 0;
    for (const { buyer, supplier } of world.stories) {
      for (const party of [buyer, supplier]) {
        const statement = await world.house.services.statements.read(party, '2026-11');
        wrong.push(...(await wrongIn(world.house, statement)));
        lines += statement.currencies.flatMap((part) => part.lines).length;
      }
    }
    expect(wrong, `with seed ${seed}`).toEqual([]);
    expect(lines).toBeGreaterThan(histories.length);
  } finally {
    await world.house.end();
  }
}, 600_000);

describe('over the end of a month', () => {
  const shown = (statement: Statement) =>
    statement.currencies.flatMap(({ lines }) =>
      lines.map(
        ({ date, template, journals, amountMinor }) => `${date} ${template} ${journals}: ${amountMinor}`,
      ),
    );

  test('what closes one month opens the next, by business dates, and a closed month is final', async () => {
    const house = await openHouse(Date.UTC(2026, 9, 30, 12));
    try {
      const { number, supplier, buyer } = await house.road();
      await house.put({ suppliers: [{ id: supplier.id, name: 'Ann', reserveBps: 1_000, reserveDays: 0 }] });
      for (const hour of [2, 1])
        await house.call({ number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
      const { statements, adjustments } = house.services;
      await house.close('2026-10-30');
      expect(await statements.read(supplier.id, '2026-10')).toMatchObject({ isFinal: false });
      await house.close('2026-10-31');
      for (const day of [1, 2, 3]) await house.close(`2026-11-0${day}`);
      const [call] = await house.sql<{ id: string }>('select id from calls limit 1');
      await adjustments.ask(call?.id ?? '', 'ops', 'fraud was found', house.clock.nowMs());
      await house.work();

      const [october, november] = [
        await statements.read(supplier.id, '2026-10'),
        await statements.read(supplier.id, '2026-11'),
      ];
      expect(october).toMatchObject({ kind: 'supplier', name: 'Ann', isFinal: true });
      expect(shown(october)).toEqual(['2026-10-30 call 2: 5600']);
      expect(october.currencies[0]?.lines[0]?.campaign).toContain('Campaign');
      expect(november.currencies[0]).toMatchObject({ openingMinor: 5_600, closingMinor: -2_800 });
      expect(shown(november)).toEqual([
        '2026-11-01 clear 1: 0',
        '2026-11-01 payout_reserve 1: 0',
        '2026-11-01 payout_send 1: -5040',
        '2026-11-02 payout_reserve 1: 0',
        '2026-11-02 payout_send 1: -560',
        '2026-11-02 reserve_release 1: 0',
        '2026-11-04 adjustment 1: -2800',
      ]);
      const [transfer] = house.simulator.journal.all('transfer');
      const sent = november.currencies[0]?.lines.find(({ template }) => template === 'payout_send');
      expect(sent?.reference).toBe(transfer?.id);

      const owes = await statements.read(buyer.id, '2026-10');
      expect(shown(owes)).toEqual([
        '2026-10-30 call 2: 8000',
        '2026-10-30 charge 1: -8000',
        '2026-10-30 invoice 1: 0',
      ]);
      const credited = await statements.read(buyer.id, '2026-11');
      expect(shown(credited)).toEqual(['2026-11-04 adjustment 1: -4000']);
      for (const statement of [november, credited]) expect(await wrongIn(house, statement)).toEqual([]);

      // Whatever its journals name, a supplier is told of nothing that is a buyer's.
      const named = { chargeId: 'ch_of_buyer', withdrawalId: 're_of_buyer', stripeInvoiceId: 'in_of_buyer' };
      await house.sql(`begin; set local session_replication_role = replica;
        update journals set refs = refs || '${JSON.stringify(named)}'; commit`);
      const told = JSON.stringify(await statements.read(supplier.id, '2026-11'));
      expect(told).toContain(String(transfer?.id));
      expect(told).not.toContain('_of_buyer');
    } finally {
      await house.end();
    }
  });

  test('a party without postings has an empty statement, and nobody has none', async () => {
    const house = await openHouse();
    try {
      const { id } = await house.supplier();
      expect(await house.services.statements.read(id, '2026-11')).toMatchObject({ currencies: [] });
      const nobody = '00000000-0000-4000-8000-000000000000';
      await expect(house.services.statements.read(nobody, '2026-11')).rejects.toMatchObject({
        code: 'PARTY_UNKNOWN',
      });
    } finally {
      await house.end();
    }
  });
});
