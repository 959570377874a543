import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT } from '../helpers/migrations.ts';

test('every file that the table of the brief names is there', () => {
  const named = readFileSync(join(PROJECT, 'docs', 'brief.md'), 'utf8')
    .split('`')
    .filter(
      (text, nth) => nth % 2 === 1 && ['src/', 'tests/', 'supabase/'].some((top) => text.startsWith(top)),
    );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
});
