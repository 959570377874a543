import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { addHeader, TYPES_FILE } from '../helpers/generate-types.ts';

test('database.types.ts is what "npm run generate" made from the migrations as they are, edited by nobody', () => {
  const file = readFileSync(TYPES_FILE, 'utf8');
  const body = file.slice(file.indexOf('\n') + 1);
  expect(file.split('\n')[0]).toBe(addHeader(body).split('\n')[0]);
});
