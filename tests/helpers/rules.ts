import type { TestDatabase } from './database.ts';

/** Lets the rules decide that come with the database, in the place of the plain ones of tests. */
export const useDefaultRules = (sql: TestDatabase['sql']) =>
  sql(
    `update rule_sets set state = 'retired' where state = 'running'; update rule_sets set state = 'running' where version = 1`,
  );
