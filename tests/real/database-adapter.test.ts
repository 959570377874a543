import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { startLite } from '../../sandbox/database/lite.ts';
import { OutageError, PermanentError, TransientError } from '../../src/errors.ts';
import { createDatabase } from '../../src/integrations/supabase/client.ts';
import { type Call, callOf, failureOf } from '../helpers/calls.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

/** Functions that fail in every way there is; they exist in this test's database only. */
const FUNCTIONS = `
  create table public.things (id int primary key, n int not null constraint things_n_positive check (n > 0));
  insert into public.things values (1, 1), (2, 1);
  grant select, insert on public.things to service_role;
  create function public.raise_state(p_state text, p_hint text, p_detail text) returns jsonb language plpgsql as
    $$ begin raise exception 'said by the function' using errcode = p_state, hint = p_hint, detail = p_detail; end $$;
  create sequence public.tries;
  create function public.conflict_until(p_try int, p_state text) returns jsonb language plpgsql as
    $$ begin
      if nextval('public.tries') < p_try then raise exception 'aborted' using errcode = p_state; end if;
      return to_jsonb(currval('public.tries'));
    end $$;
  create function public.bump_both(p_first int, p_second int) returns jsonb language plpgsql security definer set search_path = '' as
    $$ begin
      update public.things set n = n + 1 where id = p_first;
      perform pg_sleep(0.3);
      update public.things set n = n + 1 where id = p_second;
      return 'true';
    end $$;
  create function public.add_thing(p_id int, p_n int) returns jsonb language sql security definer set search_path = '' as
    $$ insert into public.things values (p_id, p_n) returning to_jsonb(id) $$;
  create function public.wait_s(p_s float) returns jsonb language sql as $$ select to_jsonb(true) from pg_sleep(p_s) $$;
  create function public.echo(p jsonb) returns jsonb language sql as $$ select p $$;
  grant execute on all functions in schema public to service_role;
  grant usage on all sequences in schema public to service_role;
`;

let db: TestDatabase;
let lite: Awaited<ReturnType<typeof startLite>>;
let call: Call;

beforeAll(async () => {
  db = await createTestDatabase();
  await db.sql(FUNCTIONS);
  lite = await startLite(db);
  call = callOf(createDatabase({ url: lite.url, secretKey: lite.serviceKey, fetch: lite.fetch }));
});
afterAll(async () => {
  await lite.close();
  await db.close();
});

/** The API over connections that have a setting of PostgreSQL's changed. */
async function openWith(setting: string, value: string) {
  const name = new URL(db.adminUrl).pathname.slice(1);
  const change = (rest: string) => db.sql(`alter role authenticator in database ${name} ${rest}`);
  await change(`set ${setting} = '${value}'`);
  const api = await startLite(db);
  const close = async () => {
    await api.close();
    await change(`reset ${setting}`);
  };
  return {
    call: callOf(createDatabase({ url: api.url, secretKey: api.serviceKey, fetch: api.fetch })),
    close,
  };
}

async function sumOf(...ids: number[]): Promise<number> {
  const rows = await db.sql<{ n: number }>('select sum(n)::int as n from public.things where id = any($1)', [
    ids,
  ]);
  return Number(rows[0]?.n);
}

describe('what the typed client carries', () => {
  test('arguments that are null or JSON arrive as they are, and the answer is checked', async () => {
    const page = await db.database.rpc(
      'list_dead_work',
      { p_after_id: null, p_limit: 10 },
      z.array(z.unknown()),
    );
    expect(page).toEqual([]);
    const nested = { list: [1, { deep: 'ü\u2028' }], none: null, big: Number.MAX_SAFE_INTEGER };
    expect(await call('echo', { p: nested })).toEqual(nested);
    expect(await call('echo', { p: [1, 2] })).toEqual([1, 2]);
  });

  test('rows are read with a query of supabase-js', async () => {
    const rows = await db.database.select(
      'read_currencies',
      (client) => client.from('currencies').select('code, exponent').eq('code', 'kwd'),
      z.array(z.object({ code: z.string(), exponent: z.number() })),
    );
    expect(rows).toEqual([{ code: 'kwd', exponent: 3 }]);
  });
});

describe('what our functions refuse', () => {
  test('a refusal carries the code of its hint, its message and the facts of its detail', async () => {
    const error = await failureOf(
      call('raise_state', { p_state: 'PT409', p_hint: 'TOKEN_STALE', p_detail: '{"payout":"p1"}' }),
    );
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: 'TOKEN_STALE', detail: { payout: 'p1', request: 'raise_state' } });
    expect(String(error)).toContain('said by the function');
  });

  test('a refusal with a hint that this build does not know is DATABASE_REFUSED', async () => {
    const error = await failureOf(
      call('raise_state', { p_state: 'PT400', p_hint: 'FROM_A_LATER_BUILD', p_detail: 'no json' }),
    );
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: 'DATABASE_REFUSED' });
  });
});

describe('what PostgreSQL refuses', () => {
  test('a unique violation names its constraint and repeats no value', async () => {
    const error = await failureOf(call('add_thing', { p_id: 1, p_n: 4_155_550_123 % 1_000 }));
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      code: 'DATABASE_REFUSED',
      detail: { sqlState: '23505', constraint: 'things_pkey' },
    });
    expect(JSON.stringify(error) + String(error)).not.toContain('(id)=(1)');
  });

  test('a check violation keeps its SQLSTATE and its constraint', async () => {
    const error = await failureOf(call('add_thing', { p_id: 3, p_n: 0 }));
    expect(error).toMatchObject({
      code: 'DATABASE_REFUSED',
      detail: { sqlState: '23514', constraint: 'things_n_positive' },
    });
  });

  test('an error that a function raises without a code of ours is DATABASE_REFUSED', async () => {
    const error = await failureOf(
      call('raise_state', { p_state: 'P0001', p_hint: 'TOKEN_STALE', p_detail: '' }),
    );
    expect(error).toMatchObject({ name: 'PermanentError', code: 'DATABASE_REFUSED' });
  });

  test('an answer of another shape is ANSWER_INVALID', async () => {
    const error = await failureOf(call('echo', { p: { a: 'x' } }, z.object({ a: z.number() })));
    expect(error).toMatchObject({ name: 'PermanentError', code: 'ANSWER_INVALID' });
  });
});

describe('conflicts', () => {
  test('two transactions in deadlock both come through', async () => {
    const before = await sumOf(1, 2);
    const both = await Promise.all([
      call('bump_both', { p_first: 1, p_second: 2 }),
      call('bump_both', { p_first: 2, p_second: 1 }),
    ]);
    expect(both).toEqual([true, true]);
    expect((await sumOf(1, 2)) - before).toBe(4);
  });

  test.each(['40001', '40P01'])('%s is tried again up to five times in all', async (state) => {
    await db.sql('alter sequence public.tries restart');
    expect(await call('conflict_until', { p_try: 5, p_state: state })).toBe(5);
  });

  test('what conflicts five times is a TransientError, and no sixth try is made', async () => {
    await db.sql('alter sequence public.tries restart');
    const error = await failureOf(call('conflict_until', { p_try: 99, p_state: '40001' }));
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ code: 'DATABASE_CONFLICT' });
    expect(await db.sql(`select last_value::int as n from public.tries`)).toEqual([{ n: 5 }]);
  });

  test('two transactions that cannot be serialized both come through', async () => {
    const repeatable = await openWith('default_transaction_isolation', 'repeatable read');
    const before = await sumOf(1);
    const bump = () => repeatable.call('bump_both', { p_first: 1, p_second: 1 });
    expect(await Promise.all([bump(), bump()])).toEqual([true, true]);
    expect((await sumOf(1)) - before).toBe(4);
    await repeatable.close();
  });

  test('a lock that is not given in time is a TransientError', async () => {
    const error = await failureOf(call('raise_state', { p_state: '55P03', p_hint: '', p_detail: '' }));
    expect(error).toMatchObject({ name: 'TransientError', code: 'DATABASE_CONFLICT' });
  });
});

describe('a database that is not there', () => {
  test.each(['57P01', '57P03', '53300', '08006', '57014', '25006'])(
    'SQLSTATE %s is an outage',
    async (state) => {
      const error = await failureOf(call('raise_state', { p_state: state, p_hint: '', p_detail: '' }));
      expect(error).toBeInstanceOf(OutageError);
      expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    },
  );

  test('a statement that the server stops for its time is an outage', async () => {
    const hasty = await openWith('statement_timeout', '1500ms');
    const error = await failureOf(hasty.call('wait_s', { p_s: 5 }));
    expect(error).toMatchObject({ name: 'OutageError', detail: { sqlState: '57014' } });
    await hasty.close();
  });

  test('a function that the schema does not have yet is an outage, so that work waits for the migration', async () => {
    expect(await failureOf(call('function_of_tomorrow', {}))).toMatchObject({ name: 'OutageError' });
  });

  test('a refused key is an outage, so that no work dies of a rotated key', async () => {
    const other = callOf(createDatabase({ url: lite.url, secretKey: 'sb_secret_old', fetch: lite.fetch }));
    expect(await failureOf(other('echo', { p: 1 }))).toMatchObject({ name: 'OutageError' });
  });

  test('no answer within the deadline is an outage, also where the server ignores the abort', async () => {
    const hasty = callOf(
      createDatabase({ url: lite.url, secretKey: lite.serviceKey, fetch: lite.fetch, timeoutMs: 200 }),
    );
    expect(await failureOf(hasty('wait_s', { p_s: 2 }))).toMatchObject({
      name: 'OutageError',
      detail: { timeoutMs: 200 },
    });
  });

  test('a port on which nobody listens is an outage, told to onFailure once', async () => {
    const onFailure = vi.fn();
    const nowhere = callOf(
      createDatabase({ url: 'http://127.0.0.1:9', secretKey: 'sb_secret_x', onFailure }),
    );
    expect(await failureOf(nowhere('echo', { p: 1 }))).toMatchObject({ name: 'OutageError' });
    expect(onFailure).toHaveBeenCalledTimes(1);
  });

  test('a gateway that answers HTML is an outage, and a GET is sent once', async () => {
    let requests = 0;
    const gateway = createServer((_, response) => {
      requests += 1;
      response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>Service Unavailable</h1>');
    });
    await new Promise<void>((done) => gateway.listen(0, '127.0.0.1', done));
    const { port } = gateway.address() as { port: number };
    const database = createDatabase({ url: `http://127.0.0.1:${port}`, secretKey: 'sb_secret_x' });
    const error = await failureOf(
      database.select('read_calls', (client) => client.from('calls').select('*'), z.unknown()),
    );
    gateway.close();
    expect(error).toMatchObject({ name: 'OutageError', detail: { status: 503 } });
    expect(requests).toBe(1);
  });
});
