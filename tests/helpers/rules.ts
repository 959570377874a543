import type { TestDatabase } from './database.ts';

/** Lets the rules decide that come with the database, in the place of the plain ones of tests. */
export const useDefaultRules = (sql: TestDatabase['sql']) =>
  sql(
    `update rule_sets set state = 'retired' where state = 'running'; update rule_sets set state = 'running' where version = 1`,
  );

/** Lets one signal count for another weight than it has in the running rules. */
export async function weigh(sql: TestDatabase['sql'], signal: string, weight: number): Promise<void> {
  await sql(
    `with before as (update rule_sets set state = 'retired' where state = 'running' returning rules)
     insert into rule_sets (rules, author, note, made_at)
     select jsonb_set(rules, array['default', 'weights', $1], to_jsonb($2::int)), 'tests', 'weighed', now() from before`,
    [signal, weight],
  );
  await sql("update rule_sets set state = 'running' where version = (select max(version) from rule_sets)");
}
