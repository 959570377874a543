import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type SupabaseServer, startSupabaseServer } from '../../sandbox/supabase-server.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

let db: TestDatabase;
let api: SupabaseServer;
let tables: string[];

beforeAll(async () => {
  db = await createTestDatabase();
  await seed();
  api = await startSupabaseServer(db);
  tables = (
    await db.sql<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public'`)
  ).map(({ name }) => name);
});
afterAll(async () => {
  await api.close();
  await db.close();
});

async function read(path: string, key: string, token?: string): Promise<{ status: number; rows: unknown[] }> {
  const headers = { apikey: key, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${api.url}/rest/v1/${path}`, { headers });
  const rows = z.array(z.unknown()).safeParse(await answer.json());
  return { status: answer.status, rows: rows.success ? rows.data : [] };
}

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const SUPPLIERS = [id(11), id(12)];
const BUYERS = [id(21), id(22)];
const USERS = { supplier1: id(31), supplier2: id(32), buyer1: id(41), buyer2: id(42), stranger: id(99) };

/** Two suppliers and two buyers; each pair has one call, one invoice with a line, and one payout with a reserve and a bank. */
async function seed(): Promise<void> {
  await db.sql(
    `insert into public.suppliers (id, name, auth_user_id) values ($1, 'S1', $3), ($2, 'S2', $4)`,
    [...SUPPLIERS, USERS.supplier1, USERS.supplier2],
  );
  await db.sql(`insert into public.buyers (id, name, auth_user_id) values ($1, 'B1', $3), ($2, 'B2', $4)`, [
    ...BUYERS,
    USERS.buyer1,
    USERS.buyer2,
  ]);
  for (const n of [0, 1]) {
    await db.sql(
      `with campaign as (insert into public.campaigns (buyer_id, name) values ($2, 'C') returning id),
       run as (insert into public.payout_runs (business_date, currency, content_hash, amount_minor, planned_at)
         values ('2026-01-01'::date + $3::int, 'usd', 'h', 100, now()) returning id),
       call as (insert into public.calls (source, external_id, tracking_number, campaign_id, supplier_id, buyer_id, started_at,
           duration_s, answered, facts_at, business_date, trace, made_at, changed_at)
         select 'test', 'call-' || $3::int, '+15550100', id, $1, $2, now(), 60, true, now(), current_date, 't', now(), now() from campaign),
       invoice as (insert into public.invoices (buyer_id, currency, period_end, business_date, amount_minor, planned_at, collect_on, automatic_tax, tax_minor)
         values ($2, 'usd', now(), current_date, 100, now(), current_date, true, 20 + $3::int) returning id),
       payout as (insert into public.payouts (run_id, supplier_id, currency, business_date, amount_minor, destination, body_hash, key_made_at, planned_at)
         select id, $1, 'usd', current_date, 100, 'acct_test', 'h', now(), now() from run returning id),
       bank as (insert into public.bank_payouts (id, supplier_id, account, currency, amount_minor, status, failure_code, arrives_at,
           created_at, first_seen_at, last_seen_at, changed_at)
         values ('po_' || $3::int, $1, 'acct_test', 'usd', 100, 'failed', 'declined', now(), now(), now(), now(), now()))
       insert into public.supplier_reserves (of_payout_id, supplier_id, currency, amount_minor, release_on)
       select id, $1, 'usd', 10, current_date from payout`,
      [SUPPLIERS[n], BUYERS[n], n],
    );
  }
  await db.sql(
    `insert into public.invoice_lines (invoice_id, campaign_id, calls, seconds, amount_minor)
     select i.id, c.id, 1, 60, 100 from public.invoices i join public.campaigns c using (buyer_id)`,
  );
  await db.sql(
    `insert into public.topups (buyer_id, currency, amount_minor, business_date, made_at) select id, 'usd', 100, current_date, now() from public.buyers`,
  );
  await db.sql(
    `insert into public.call_disputes (call_id, reason, opened_by, opened_at) select id, external_id, 'test', now() from public.calls`,
  );
}

describe('what a signed-in user sees through the API', () => {
  const of = (path: string, user: keyof typeof USERS) => read(path, api.anonKey, api.userToken(USERS[user]));

  test('a supplier sees itself, its own calls, its own payouts and what is held back of them', async () => {
    expect((await of('suppliers?select=name', 'supplier1')).rows).toEqual([{ name: 'S1' }]);
    expect((await of('calls?select=external_id', 'supplier1')).rows).toEqual([{ external_id: 'call-0' }]);
    expect((await of('calls?select=external_id', 'supplier2')).rows).toEqual([{ external_id: 'call-1' }]);
    expect((await of('payouts?select=supplier_id', 'supplier1')).rows).toEqual([
      { supplier_id: SUPPLIERS[0] },
    ]);
    expect((await of('supplier_reserves?select=supplier_id', 'supplier2')).rows).toEqual([
      { supplier_id: SUPPLIERS[1] },
    ]);
  });

  test('a supplier sees what its own bank gave back, and why', async () => {
    for (const [n, user] of (['supplier1', 'supplier2'] as const).entries())
      expect((await of('bank_payouts?select=id,status,failure_code', user)).rows).toEqual([
        { id: `po_${n}`, status: 'failed', failure_code: 'declined' },
      ]);
    expect((await of('bank_payouts', 'buyer1')).rows).toEqual([]);
  });

  test('a buyer sees itself, its own calls and its own invoices with their lines, and its own top-ups', async () => {
    expect((await of('buyers?select=name', 'buyer1')).rows).toEqual([{ name: 'B1' }]);
    expect((await of('calls?select=external_id', 'buyer1')).rows).toEqual([{ external_id: 'call-0' }]);
    expect((await of('invoices?select=buyer_id', 'buyer2')).rows).toEqual([{ buyer_id: BUYERS[1] }]);
    expect((await of('invoice_lines?select=calls', 'buyer2')).rows).toEqual([{ calls: 1 }]);
    expect((await of('topups?select=buyer_id', 'buyer1')).rows).toEqual([{ buyer_id: BUYERS[0] }]);
  });

  test('a buyer sees the tax of its own invoices, and no supplier does', async () => {
    expect((await of('invoices?select=amount_minor,tax_minor', 'buyer2')).rows).toEqual([
      { amount_minor: 100, tax_minor: 21 },
    ]);
    expect((await of('invoices?select=tax_minor', 'supplier2')).rows).toEqual([]);
  });

  test('both sides of a call see how its dispute stands', async () => {
    for (const user of ['supplier1', 'buyer1'] as const)
      expect((await of('call_disputes?select=reason,state', user)).rows, user).toEqual([
        { reason: 'call-0', state: 'open' },
      ]);
  });

  test('neither side sees what the other pays or earns', async () => {
    expect((await of('invoices', 'supplier1')).rows).toEqual([]);
    expect((await of('topups', 'supplier1')).rows).toEqual([]);
    for (const table of ['payouts', 'supplier_reserves'])
      expect((await of(table, 'buyer1')).rows).toEqual([]);
    for (const user of ['supplier1', 'buyer1'] as const) {
      for (const table of [
        'earnings',
        'postings',
        'journals',
        'call_scores',
        'call_revenues',
        'campaign_terms',
      ]) {
        expect(await of(table, user), `${user} reads ${table}`).toEqual({ status: 403, rows: [] });
      }
    }
  });

  test('neither side sees what a call is scored by, and what it sees of it are named columns', async () => {
    for (const user of ['supplier1', 'buyer1'] as const) {
      const seen = await of(
        'calls?select=id,tracking_number,caller_number,started_at,duration_s,answered,status',
        user,
      );
      expect([seen.status, seen.rows.length], user).toEqual([200, 1]);
      for (const column of ['*', 'attestation', 'line_type', 'caller_region', 'decided', 'late_facts'])
        expect(await of(`calls?select=${column}`, user), `${user} ${column}`).toEqual({
          status: 403,
          rows: [],
        });
      expect(await of('calls?select=id&attestation=eq.C', user), user).toEqual({ status: 403, rows: [] });
    }
  });

  test('a user who is no party sees no row of any table', async () => {
    for (const table of tables) expect((await of(table, 'stranger')).rows, table).toEqual([]);
  });

  test.each(['supplier1', 'buyer1', 'stranger'] as const)(
    '%s writes no table and calls no function',
    async (user) => {
      const headers = {
        ...{ apikey: api.anonKey, authorization: `Bearer ${api.userToken(USERS[user])}` },
        'content-type': 'application/json',
      };
      const send = (method: string, path: string, body: object) =>
        fetch(`${api.url}/rest/v1/${path}`, { method, headers, body: JSON.stringify(body) });
      const columns = await db.sql<{ table: string; column: string }>(
        `select table_name::text as "table", min(column_name::text) as "column" from information_schema.columns
         where table_schema = 'public' group by 1`,
      );
      expect(columns.length).toBeGreaterThanOrEqual(tables.length);
      for (const { table, column } of columns) {
        expect((await send('POST', table, { [column]: null })).status, `POST ${table}`).toBe(403);
        expect((await send('PATCH', table, { [column]: null })).status, `PATCH ${table}`).toBe(403);
        expect((await send('DELETE', table, {})).status, `DELETE ${table}`).toBe(403);
      }
      expect(
        (await send('POST', 'rpc/stop_payouts', { p_stopped: true, p_by: 'x', p_reason: 'x', p_now_ms: 0 }))
          .status,
      ).toBe(403);
      expect(await db.sql('select payouts_stopped from public.settings')).toEqual([
        { payouts_stopped: false },
      ]);
    },
  );

  test('without a user no table is readable and no function callable', async () => {
    for (const table of tables)
      expect((await read(table, api.anonKey)).status, table).toBeGreaterThanOrEqual(401);
    const call = await fetch(`${api.url}/rest/v1/rpc/stop_payouts`, {
      method: 'POST',
      headers: { apikey: api.anonKey, 'content-type': 'application/json' },
      body: JSON.stringify({ p_stopped: true, p_by: 'x', p_reason: 'x', p_now_ms: 0 }),
    });
    expect(call.status).toBeGreaterThanOrEqual(401);
    expect(await db.sql('select payouts_stopped from public.settings')).toEqual([{ payouts_stopped: false }]);
  });

  test('a token that is expired, or signed by somebody else, is refused', async () => {
    expect((await read('calls', api.anonKey, api.userToken(USERS.supplier1, -60))).status).toBe(401);
    const [head, claims, signature = ''] = api.userToken(USERS.supplier1).split('.');
    const forged = [head, claims, signature.split('').reverse().join('')].join('.');
    expect((await read('calls', api.anonKey, forged)).status).toBe(401);
  });

  test('service_role reads every table and writes none', async () => {
    for (const table of tables) {
      expect((await read(`${table}?limit=1`, api.serviceKey)).status, table).toBe(200);
      const deleted = await fetch(`${api.url}/rest/v1/${table}`, {
        method: 'DELETE',
        headers: { apikey: api.serviceKey },
      });
      expect(deleted.status, table).toBe(403);
    }
  });
});
