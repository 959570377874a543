import { writeFile } from 'node:fs/promises';
import { DEFAULT_RULES_FILE, renderDefaultRules } from './default-rules.ts';
import { ENV_EXAMPLE_FILE, renderEnvExample } from './env-example.ts';
import { OPENAPI_TYPES, renderOpenApiTypes } from './generate-openapi.ts';
import { generateTypes, TYPES_FILE } from './generate-types.ts';
import { LEDGER_FILE, renderLedgerDoc } from './ledger-doc.ts';
import { RECEIVERS_FILE, renderReceiversDoc } from './receivers-doc.ts';

await writeFile(ENV_EXAMPLE_FILE, renderEnvExample());
await writeFile(RECEIVERS_FILE, renderReceiversDoc());
for (const wanted of OPENAPI_TYPES) await writeFile(wanted.file, await renderOpenApiTypes(wanted));
// Before the types, which carry a hash of the migrations.
await writeFile(DEFAULT_RULES_FILE, renderDefaultRules());
await generateTypes();
await writeFile(LEDGER_FILE, await renderLedgerDoc());
const openApi = OPENAPI_TYPES.map(({ file }) => file);
const written = [ENV_EXAMPLE_FILE, RECEIVERS_FILE, ...openApi, DEFAULT_RULES_FILE, TYPES_FILE, LEDGER_FILE];
console.log(`Written: ${written.join(', ')}`);
