/**
 * `npm run mutants`: makes each deliberate defect in a copy of the tree and shows that its test turns red. Exit status 1
 * when one survives.
 */
import { parseArgs } from 'node:util';
import { openWorkshop } from '../../helpers/workshop.ts';
import { type Judgement, judge, sample } from './judge.ts';
import type { Mutant } from './killers.ts';
import { writePage } from './page.ts';
import { MUTANTS } from './table.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    table: { type: 'boolean', default: false },
  },
});

function chosen(): readonly Mutant[] {
  const { only, sample: count, seed } = values;
  const unknown = only?.filter((name) => !MUTANTS.some((mutant) => mutant.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no such defect: ${unknown.join(', ')}`);
  if (only !== undefined) return MUTANTS.filter(({ name }) => only.includes(name));
  return count === undefined ? MUTANTS : sample(MUTANTS, Number(count), Number(seed));
}

function tell({ mutant: { name, redBy }, fault, ms }: Judgement): void {
  const seconds = (ms / 1_000).toFixed(1).padStart(6);
  console.log(`${fault === null ? 'red     ' : 'SURVIVES'} ${seconds} s  ${name}  (${redBy.file})`);
  if (fault !== null) console.log(`  ${fault.slice(0, 2_000).replaceAll('\n', '\n  ')}`);
}

if (values.table) {
  writePage();
} else {
  const workshop = openWorkshop();
  try {
    const judgements = await judge(workshop, chosen(), tell);
    const survivors = judgements.filter(({ fault }) => fault !== null);
    console.log(
      `${judgements.length} defects, ${judgements.length - survivors.length} red, ${survivors.length} survive`,
    );
    process.exitCode = survivors.length === 0 ? 0 : 1;
  } finally {
    await workshop.close();
  }
}
