import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { LEDGER_FILE, renderLedgerDoc } from '../helpers/ledger-doc.ts';

test('docs/ledger.md is what the database executes', async () => {
  expect(await readFile(LEDGER_FILE, 'utf8')).toBe(await renderLedgerDoc());
});
