import { writeFile } from 'node:fs/promises';
import { generateTypes, TYPES_FILE } from './generate-types.ts';
import { LEDGER_FILE, renderLedgerDoc } from './ledger-doc.ts';

await generateTypes();
await writeFile(LEDGER_FILE, await renderLedgerDoc());
console.log(`Written: ${TYPES_FILE}, ${LEDGER_FILE}`);
