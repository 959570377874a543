import { join } from 'node:path';
import { defaultRules } from '../../src/jobs/fraud/default-rules.ts';
import { MIGRATIONS } from './migrations.ts';

export const DEFAULT_RULES_FILE = join(MIGRATIONS, '20261101000395_default_rules.sql');

/** The migration that makes the default set of rules the first one. */
export function renderDefaultRules(): string {
  const json = JSON.stringify(defaultRules, null, 2).replaceAll("'", "''");
  return `-- Written by \`npm run generate\` from src/jobs/fraud/default-rules.ts: change it there.
insert into public.rule_sets (rules, author, note, made_at, state) values ('${json}', 'callclear', 'the default rules', '2026-11-01T00:00:00Z', 'running');
`;
}
