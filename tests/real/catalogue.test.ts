import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSupabaseServer } from '../../sandbox/supabase-server.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

/** What each role may do to which tables; what is not listed is forbidden. */
const MAY: Record<string, Partial<Record<string, readonly string[] | 'every table'>>> = {
  anon: {},
  authenticated: {
    SELECT: [
      ...['bank_payouts', 'buyers', 'call_disputes', 'calls', 'credit_notes', 'invoice_lines', 'invoices'],
      ...['payouts', 'supplier_reserves', 'suppliers', 'topups'],
    ],
  },
  service_role: { SELECT: 'every table' },
  callclear_queue: {},
};
const VERBS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'];

let db: TestDatabase;
let tables: string[];

// The database is read after the API has connected and served: it must not have granted anything.
beforeAll(async () => {
  db = await createTestDatabase();
  const lite = await startSupabaseServer(db);
  const answer = await fetch(`${lite.url}/rest/v1/calls`, { headers: { apikey: lite.serviceKey } });
  expect(answer.status).toBe(200);
  await lite.close();
  await db.sql(LEDGER);
  const rows = await db.sql<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') order by 1`,
  );
  tables = rows.map(({ name }) => name);
});
afterAll(() => db.close());

/** One journal with two postings, which somebody may try to change. */
const LEDGER = `
  insert into public.audit_log (at, actor, action, subject) values (now(), 'test', 'test', 'test');
  with accounts as (
    insert into public.ledger_accounts (kind, owner_id, currency)
    select kind, gen_random_uuid(), 'usd' from public.account_kinds order by kind limit 2 returning id
  ), journal as (
    insert into public.journals (template, key, business_date, currency, amounts, owners, refs, posted_at)
    values ('test', 'test', current_date, 'usd', '{}', '{}', '{}', now()) returning id
  )
  insert into public.postings (journal_id, account_id, amount_minor, currency)
  select journal.id, accounts.id, case row_number() over () when 1 then 1 else -1 end, 'usd' from journal, accounts;
`;

describe('tables', () => {
  test.each(Object.keys(MAY))('%s may do to each table exactly what is listed', async (role) => {
    const rows = await db.sql<{ name: string; verb: string }>(
      `select t.name, v.verb from unnest($1::text[]) t (name) cross join unnest($2::text[]) v (verb)
       where has_table_privilege($3, format('public.%I', t.name), v.verb)
         or (v.verb in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege($3, format('public.%I', t.name), v.verb))
       order by 1, 2`,
      [tables, VERBS, role],
    );
    const expected = tables.flatMap((name) =>
      VERBS.filter((verb) => {
        const allowed = MAY[role]?.[verb];
        return allowed === 'every table' || allowed?.includes(name);
      }).map((verb) => ({ name, verb })),
    );
    expect(tables.length).toBeGreaterThan(20);
    expect(rows).toEqual(expected);
  });

  test('row level security is on and forced on every table', async () => {
    const open = await db.sql(
      `select relname from pg_class where relnamespace in ('public'::regnamespace, 'app'::regnamespace) and relkind in ('r', 'p')
         and not (relrowsecurity and relforcerowsecurity)`,
    );
    expect(open).toEqual([]);
  });

  test('no view goes around row level security', async () => {
    const views = await db.sql(
      `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
         and not coalesce(reloptions::text[] @> '{security_invoker=true}', false)`,
    );
    expect(views).toEqual([]);
  });

  test('no sequence can be moved through the API', async () => {
    const movable = await db.sql(
      `select c.oid::regclass::text as name, r.rolname from pg_class c cross join pg_roles r
       where c.relkind = 'S' and c.relnamespace = 'public'::regnamespace
         and r.rolname in ('anon', 'authenticated', 'service_role')
         and has_sequence_privilege(r.rolname, c.oid, 'USAGE, UPDATE')`,
    );
    expect(movable).toEqual([]);
  });

  test.each([
    'update public.postings set amount_minor = 2',
    'delete from public.journals',
    'truncate public.postings',
    'delete from public.audit_log',
  ])('even the superuser is refused: %s', async (statement) => {
    await expect(db.sql(statement)).rejects.toMatchObject({ code: 'PT403', hint: 'DATABASE_REFUSED' });
  });

  test.each([
    ['webhook_events', 'source, event_id'],
    ['calls', 'source, external_id'],
    ['earnings', "call_id) WHERE (state <> 'clawed_back'::text"],
    ['adjustments', "call_id) WHERE (state = ANY (ARRAY['waiting_approval'::text, 'waiting'::text])"],
    ['call_disputes', 'call_id'],
    ['journals', 'key'],
    ['work', 'job, key'],
    ['invoices', 'buyer_id, currency, period_end'],
    ['payouts', 'supplier_id, currency, business_date'],
    ['closes', 'business_date'],
    ['closes', "state) WHERE (state = 'open'::text"],
    ['schedule_runs', 'pipeline, period'],
  ])('there is one row of %s for each (%s), whatever the code does', async (table, columns) => {
    const indexes = await db.sql<{ indexdef: string }>(
      `select indexdef from pg_indexes where schemaname = 'public' and tablename = $1 and indexdef like 'CREATE UNIQUE INDEX%'`,
      [table],
    );
    expect(indexes.map(({ indexdef }) => indexdef.split(' USING btree ')[1])).toContain(`(${columns})`);
  });

  test('a journal whose postings do not sum to zero is refused, whoever writes it', async () => {
    await expect(
      db.sql(`insert into public.postings (journal_id, account_id, amount_minor, currency)
        select journal_id, account_id, 5, 'usd' from public.postings limit 1`),
    ).rejects.toMatchObject({ code: 'PT422', hint: 'JOURNAL_UNBALANCED' });
  });

  test.each(['eur', 'usd'])(
    'a posting in %s to an account in eur is refused in a journal in usd',
    async (currency) => {
      const [account] = await db.sql(
        `insert into public.ledger_accounts (kind, owner_id, currency) values ('bank', gen_random_uuid(), 'eur') returning id`,
      );
      const insert = db.sql(
        `insert into public.postings (journal_id, account_id, amount_minor, currency)
       select journal_id, $1, 5, $2 from public.postings limit 1`,
        [account?.id, currency],
      );
      // That such a journal does not balance would be told by another message, at the end of the transaction.
      await expect(insert).rejects.toThrow('a posting has another currency than its journal or account');
    },
  );
});

describe('functions', () => {
  const FUNCTIONS = `select p.oid, p.oid::regprocedure::text as name, n.nspname as schema, p.prosecdef, p.proconfig
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'app')`;

  test('every function that runs as its owner pins its search_path, with pg_temp not first', async () => {
    const rows = await db.sql<{ name: string; proconfig: string[] | null }>(`${FUNCTIONS} and p.prosecdef`);
    const loose = rows.filter(({ proconfig }) => {
      const path = proconfig
        ?.find((setting) => setting.startsWith('search_path='))
        ?.slice('search_path='.length);
      return path === undefined || !(path === '""' || path === 'pg_catalog' || path.endsWith(', pg_temp'));
    });
    expect(rows.length).toBeGreaterThan(10);
    expect(loose.map(({ name }) => name)).toEqual([]);
  });

  test.each(['anon', 'authenticated', 'callclear_queue'])('%s may call no function', async (role) => {
    const callable = await db.sql(
      `select f.name from (${FUNCTIONS}) f where has_function_privilege($1, f.oid, 'EXECUTE')`,
      [role],
    );
    expect(callable).toEqual([]);
  });

  test('service_role may call the functions of the API and none of those beneath it', async () => {
    const wrong = await db.sql(
      `select f.name from (${FUNCTIONS}) f where has_function_privilege('service_role', f.oid, 'EXECUTE') <> (f.schema = 'public')`,
    );
    expect(wrong).toEqual([]);
  });

  test('every function of the API answers one JSON value, so that no answer is cut at 1,000 rows', async () => {
    const others = await db.sql(
      `select oid::regprocedure::text as name from pg_proc where pronamespace = 'public'::regnamespace
         and prorettype not in ('jsonb'::regtype, 'trigger'::regtype)`,
    );
    expect(others).toEqual([]);
  });
});

describe('roles', () => {
  test('the login of the API owns nothing and only service_role passes row level security', async () => {
    const owned = await db.sql(
      `select classid::regclass::text, objid from pg_shdepend where refobjid = 'authenticator'::regrole and deptype = 'o'`,
    );
    expect(owned).toEqual([]);
    const passing = await db.sql(
      `select rolname from pg_roles where (rolbypassrls or rolsuper) and rolname in ('anon', 'authenticated', 'service_role', 'authenticator', 'callclear_queue')`,
    );
    expect(passing).toEqual([{ rolname: 'service_role' }]);
  });

  test.each(['anon', 'authenticated', 'service_role', 'callclear_queue'])(
    '%s does not see schema app',
    async (role) => {
      expect(await db.sql(`select has_schema_privilege($1, 'app', 'USAGE, CREATE') as sees`, [role])).toEqual(
        [{ sees: false }],
      );
    },
  );
});
