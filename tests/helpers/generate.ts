import { writeFile } from 'node:fs/promises';
import { DEFAULT_RULES_FILE, renderDefaultRules } from './default-rules.ts';
import { ENV_EXAMPLE_FILE, renderEnvExample } from './env-example.ts';
import { generateTypes, TYPES_FILE } from './generate-types.ts';
import { LEDGER_FILE, renderLedgerDoc } from './ledger-doc.ts';
import { RECEIVERS_FILE, renderReceiversDoc } from './receivers-doc.ts';

await writeFile(ENV_EXAMPLE_FILE, renderEnvExample());
await writeFile(RECEIVERS_FILE, renderReceiversDoc());
// Before the types, which carry a hash of the migrations.
await writeFile(DEFAULT_RULES_FILE, renderDefaultRules());
await generateTypes();
await writeFile(LEDGER_FILE, await renderLedgerDoc());
const written = [ENV_EXAMPLE_FILE, RECEIVERS_FILE, DEFAULT_RULES_FILE, TYPES_FILE, LEDGER_FILE];
console.log(`Written: ${written.join(', ')}`);
