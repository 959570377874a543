import type { TestDatabase } from './database.ts';

type Sql = TestDatabase['sql'];

/** Keeps the present rows of every table, for `restore`: a backup as ops would take it. */
export async function backUp(sql: Sql): Promise<void> {
  await sql(`do $$ declare t text; begin
    create schema backup;
    for t in select tablename from pg_tables where schemaname = 'public' loop
      execute format('create table backup.%I as table public.%I', t, t);
    end loop;
  end $$`);
}

/** Sets every table back to the backup; what happened since is forgotten, and Stripe does not know. */
export async function restore(sql: Sql): Promise<void> {
  await sql(`do $$ declare t text; kept text; begin
    set local session_replication_role = replica;
    for t in select tablename from pg_tables where schemaname = 'public' loop
      execute format('delete from public.%I', t);
      -- What is generated is made again.
      select string_agg(quote_ident(attname), ', ') into kept from pg_attribute
      where attrelid = format('public.%I', t)::regclass and attnum > 0 and not attisdropped and attgenerated = '';
      execute format('insert into public.%1$I (%2$s) overriding system value select %2$s from backup.%1$I', t, kept);
    end loop;
  end $$`);
}
