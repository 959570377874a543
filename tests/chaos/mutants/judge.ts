import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../../sandbox/random.ts';
import type { Verdict, Workshop } from '../../helpers/workshop.ts';
import type { Mutant } from './killers.ts';

const PATCHES = import.meta.dirname;

export interface Judgement {
  readonly mutant: Mutant;
  /** What speaks against it; null when the test was green before and red because of the defect. */
  readonly fault: string | null;
  readonly ms: number;
}

export const patchOf = (name: string): string => join(PATCHES, `${name}.patch`);

/** The same few for the same seed. */
export function sample(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const random = createRandom(seed);
  const left = [...mutants];
  const picked: Mutant[] = [];
  while (picked.length < count && left.length > 0) {
    picked.push(...left.splice(random.between(0, left.length - 1), 1));
  }
  return picked;
}

/** Shows that each test is green on the tree as it is, and red with its defect in it. */
export async function judge(
  workshop: Workshop,
  mutants: readonly Mutant[],
  tell: (judgement: Judgement) => void = () => undefined,
): Promise<Judgement[]> {
  const green = await runUnharmed(workshop, mutants);
  const judgements: Judgement[] = [];
  // A defect of a migration costs a new database: those come last, so that the others share one.
  for (const mutant of mutants.toSorted((a, b) => Number(isOfMigrations(a)) - Number(isOfMigrations(b)))) {
    const startedMs = performance.now();
    const before = green.get(keyOf(mutant));
    const fault =
      before?.end === 'passed' ? await findFault(workshop, mutant) : `not green without it: ${before?.said}`;
    const judgement = { mutant, fault, ms: Math.round(performance.now() - startedMs) };
    tell(judgement);
    judgements.push(judgement);
  }
  return judgements;
}

const keyOf = ({ redBy: { file, test } }: Mutant): string => `${file} ${test}`;
const isOfMigrations = ({ name }: Mutant): boolean =>
  readFileSync(patchOf(name), 'utf8').includes('+++ b/supabase/');

async function runUnharmed(workshop: Workshop, mutants: readonly Mutant[]): Promise<Map<string, Verdict>> {
  const green = new Map<string, Verdict>();
  const files = Map.groupBy(mutants, ({ redBy: { file } }) => file);
  for (const [file, same] of files) {
    const tests = [...new Set(same.map(({ redBy: { test } }) => test))];
    const verdicts = await workshop.run(file, tests);
    for (const [index, verdict] of verdicts.entries()) green.set(`${file} ${tests[index]}`, verdict);
  }
  return green;
}

async function findFault(workshop: Workshop, mutant: Mutant): Promise<string | null> {
  const { name, redBy } = mutant;
  const patch = patchOf(name);
  workshop.apply(patch);
  try {
    const [verdict] = await workshop.run(redBy.file, [redBy.test]);
    if (verdict?.end === 'passed') return 'it survives';
    if (verdict?.end !== 'failed') return `its test was not run: ${verdict?.said}`;
    const { check } = redBy;
    return check === undefined || verdict.said.includes(check)
      ? null
      : `red, but not by "${check}": ${verdict.said}`;
  } finally {
    workshop.reverse(patch);
  }
}
