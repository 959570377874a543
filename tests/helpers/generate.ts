import { writeFile } from 'node:fs/promises';
import { DEFAULT_RULES_FILE, renderDefaultRules } from './default-rules.ts';
import { generateTypes, TYPES_FILE } from './generate-types.ts';
import { LEDGER_FILE, renderLedgerDoc } from './ledger-doc.ts';

// First, because the types carry a hash of the migrations.
await writeFile(DEFAULT_RULES_FILE, renderDefaultRules());
await generateTypes();
await writeFile(LEDGER_FILE, await renderLedgerDoc());
console.log(`Written: ${DEFAULT_RULES_FILE}, ${TYPES_FILE}, ${LEDGER_FILE}`);
