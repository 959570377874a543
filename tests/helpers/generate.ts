import { generateTypes, TYPES_FILE } from './generate-types.ts';

await generateTypes();
console.log(`Written: ${TYPES_FILE}`);
