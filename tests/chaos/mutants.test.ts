import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorkshop, type Workshop } from '../helpers/workshop.ts';
import { judge, sample } from './mutants/judge.ts';
import { MUTANTS } from './mutants/table.ts';

/** Tests that end within seconds; `npm run mutants` shows the others. */
const QUICK = ['tests/unit/', 'tests/real/catalogue', 'tests/real/call-facts', 'tests/real/audit.test'];
const SEED = 5;

let workshop: Workshop;
beforeAll(() => {
  workshop = openWorkshop();
});
afterAll(() => workshop.close());

test('deliberate defects, a few of them: each test is green without its own and red with it', async () => {
  const pool = MUTANTS.filter(({ redBy: { file } }) => QUICK.some((start) => file.startsWith(start)));
  const judgements = await judge(workshop, sample(pool, 4, SEED));
  expect(judgements).toHaveLength(4);
  expect(judgements.filter(({ fault }) => fault !== null)).toEqual([]);
});
