import type { TestDatabase } from '../helpers/database.ts';

/**
 * Runs what makes rows, each in a transaction of its own without triggers and foreign keys. The indexes of the large tables are
 * built at the end: row by row that would take hours.
 */
export async function fillTables(
  sql: TestDatabase['sql'],
  large: readonly string[],
  statements: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<void> {
  for (const setting of ["max_wal_size = '16GB'", "maintenance_work_mem = '768MB'"])
    await sql(`alter system set ${setting}`);
  await sql('select pg_reload_conf()');
  const timed = async (what: string, statement: string) => {
    const startedMs = performance.now();
    await sql(statement);
    say(`${what}: ${Math.round((performance.now() - startedMs) / 1_000)} s`);
  };
  const indexes = await sql<{ name: string; definition: string }>(
    `select i.indexname as name, i.indexdef as definition from pg_indexes i where i.schemaname = 'public' and i.tablename = any ($1)
       and not exists (select 1 from pg_constraint c where c.conname = i.indexname)`,
    [large],
  );
  for (const { name } of indexes) await sql(`drop index public.${name}`);
  for (const [what, statement] of Object.entries(statements)) {
    const local = "set local session_replication_role = replica; set local work_mem = '256MB'";
    await timed(what, `begin; ${local}; ${statement}; commit`);
  }
  for (const { name, definition } of indexes) await timed(`index ${name}`, definition);
  await sql('vacuum analyze');
}
