import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { INVARIANTS } from '../chaos/mutants/invariants.ts';
import { patchOf, sample } from '../chaos/mutants/judge.ts';
import { readAuditPage, readPage, renderPage } from '../chaos/mutants/page.ts';
import { MUTANTS } from '../chaos/mutants/table.ts';
import { PROJECT } from '../helpers/migrations.ts';
import { openWorkshop } from '../helpers/workshop.ts';

const names = MUTANTS.map(({ name }) => name);
const ids = INVARIANTS.map(({ id }) => id);

describe('each deliberate defect', () => {
  test('is a patch that stands in the table once, with what it breaks', () => {
    const patches = readdirSync(dirname(patchOf('x'))).filter((file) => file.endsWith('.patch'));
    expect(patches.map((file) => basename(file, '.patch')).toSorted()).toEqual(names.toSorted());
    for (const { name, invariants } of MUTANTS) {
      expect(invariants.length, name).toBeGreaterThan(0);
      expect(ids).toEqual(expect.arrayContaining([...invariants]));
    }
  });

  test('is one of src or of the migrations, applies to the tree as it is, and can be taken back', async () => {
    const workshop = openWorkshop();
    try {
      for (const name of names) {
        const text = readFileSync(patchOf(name), 'utf8');
        const touched = [...text.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(([, path = '']) => path);
        const places = touched.map((path) => [join(PROJECT, path), join(workshop.root, path)] as const);
        const differs = () =>
          places.map(([ours, copy]) => readFileSync(ours, 'utf8') !== readFileSync(copy, 'utf8'));
        expect(touched.join(), name).toMatch(/^(src|supabase\/migrations)\/[^,]+$/);
        workshop.apply(patchOf(name));
        expect(differs(), name).toEqual([true]);
        workshop.reverse(patchOf(name));
        expect(differs(), name).toEqual([false]);
      }
    } finally {
      await workshop.close();
    }
  });

  test('is red by a test that there is', () => {
    for (const { name, redBy } of MUTANTS) {
      expect(
        titlesIn(redBy.file).some((title) => title.test(redBy.test.split(' > ').at(-1) ?? '')),
        name,
      ).toBe(true);
    }
  });

  test('that is red by a check of the audit names one that there is', () => {
    const checks = readAuditPage().map(({ check }) => check);
    const named = MUTANTS.flatMap(({ redBy: { check } }) => (check === undefined ? [] : [check]));
    expect(checks).toEqual(expect.arrayContaining(named));
  });
});

/** Every text of a test file, and of the folder of its name, as a pattern in which `%s` stands for anything. */
function titlesIn(file: string): RegExp[] {
  const folder = join(PROJECT, file.replace('.test.ts', ''));
  const more = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const texts = [join(PROJECT, file), ...more].map((path) => readFileSync(path, 'utf8')).join('\n');
  const literals = [...texts.matchAll(/'((?:[^'\\\n]|\\.)+)'|"((?:[^"\\\n]|\\.)+)"/g)];
  return literals.map(([, single, double]) => {
    const parts = (single ?? double ?? '').replaceAll("\\'", "'").split(/%[sid]/);
    return new RegExp(`^${parts.map((part) => RegExp.escape(part)).join('.+')}$`);
  });
}

describe('the table', () => {
  test('has at least one defect for each of the promises', () => {
    expect(ids).toEqual(Array.from({ length: 34 }, (_, index) => `INV-${index + 1}`));
    expect(ids.filter((id) => !MUTANTS.some(({ invariants }) => invariants.includes(id)))).toEqual([]);
  });

  test('has every check of the audit, under its promise or among the further ones', () => {
    const audit = readAuditPage();
    expect(audit.length).toBeGreaterThan(50);
    for (const { check, invariant } of audit) {
      if (check.startsWith('listed: ')) continue;
      expect([...ids, ''], check).toContain(invariant);
      expect(readPage()).toContain(check);
    }
  });

  test('is the page that stands in docs', () => {
    expect(readPage()).toBe(renderPage());
  });
});

test('a sample is the same for the same seed, and has no defect twice', () => {
  for (const seed of [1, 2, 3]) {
    const picked = sample(MUTANTS, 9, seed);
    expect(picked).toEqual(sample(MUTANTS, 9, seed));
    expect(new Set(picked).size).toBe(9);
  }
  expect(sample(MUTANTS, 9, 1)).not.toEqual(sample(MUTANTS, 9, 2));
  expect(sample(MUTANTS, 1_000, 1)).toHaveLength(MUTANTS.length);
});
