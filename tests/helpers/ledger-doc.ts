import { join } from 'node:path';
import { createTestDatabase } from './database.ts';
import { PROJECT } from './migrations.ts';

export const LEDGER_FILE = join(PROJECT, 'docs', 'ledger.md');

interface Account {
  kind: string;
  owner: string;
  normal_side: string;
  meaning: string;
}
interface Leg {
  template: string;
  account_kind: string;
  owner: string;
  side: string;
  amount: string;
}

/** The chart of accounts and the journal templates, as the database executes them. */
export async function renderLedgerDoc(): Promise<string> {
  const database = await createTestDatabase();
  try {
    const accounts = await database.sql<Account & Record<string, unknown>>(
      'select kind, owner, normal_side, meaning from account_kinds order by kind',
    );
    const legs = await database.sql<Leg & Record<string, unknown>>(
      `select template, account_kind, owner, side, amount from journal_templates
       join account_kinds on kind = account_kind order by template, leg`,
    );
    return [
      '# The ledger',
      '',
      'Generated from the tables `account_kinds` and `journal_templates`, which the code executes (`npm run generate`).',
      'Debits are positive, credits negative; each journal sums to zero in its currency.',
      'An account that no template names yet waits for its feature.',
      '',
      '## Accounts',
      '',
      '| account | one per | normal side | holds |',
      '| --- | --- | --- | --- |',
      ...accounts.map((row) => `| ${row.kind} | ${row.owner} | ${row.normal_side} | ${row.meaning} |`),
      '',
      '## Journals',
      '',
      '| journal | debit | credit | amount |',
      '| --- | --- | --- | --- |',
      ...legs.map(({ template, account_kind, side, amount }) => {
        const [debit, credit] = side === 'debit' ? [account_kind, ''] : ['', account_kind];
        return `| ${template} | ${debit} | ${credit} | ${amount} |`;
      }),
      '',
    ].join('\n');
  } finally {
    await database.close();
  }
}
