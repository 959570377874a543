import fc from 'fast-check';
import { DAY_MS } from '../house.ts';
import type { NamedStep } from './command.ts';
import { history, nights } from './commands.ts';
import { wrongWith } from './right.ts';
import { type Night, openWorld } from './world.ts';

/** So many histories at most happen side by side, to one house; fewer first, when a smaller world is looked for. */
const SIDE_BY_SIDE = 60;
const { HISTORIES = '2000', HISTORIES_SEED = '' } = process.env;

async function live(histories: readonly (readonly NamedStep[])[], given: readonly Night[]): Promise<void> {
  const happened = histories.filter((steps) => steps.length > 0);
  const world = await openWorld(happened.length);
  try {
    await world.live(happened, given);
    const wrong = await wrongWith(world);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  } finally {
    await world.house.end();
  }
}

function print(histories: readonly (readonly NamedStep[])[], given: readonly Night[]): string {
  const steps = histories
    .filter((one) => one.length > 0)
    .flatMap((one, index) =>
      one.map(({ day, name, facts }) => ({ day, text: `story ${index}: ${name} ${JSON.stringify(facts)}` })),
    );
  const nightly = given.flatMap((night, day) =>
    night.death === null && !night.gap ? [] : [{ day, text: `the night after: ${JSON.stringify(night)}` }],
  );
  return [...steps, ...nightly]
    .toSorted((a, b) => a.day - b.day)
    .map(({ day, text }) => `  day ${day}, ${text}`)
    .join('\n');
}

/**
 * Runs one half of the histories, prints the seed, and throws with the smallest history it finds that goes wrong. Two
 * files have a half each, so that both cores work. `HISTORIES` and `HISTORIES_SEED` change how many and which.
 */
export async function runHistories(half: 1 | 2): Promise<{ run: number; wanted: number }> {
  // New ones each day: what is red today stays red until it is mended.
  const seed = HISTORIES_SEED === '' ? Math.floor(Date.now() / DAY_MS) : Number(HISTORIES_SEED);
  const wanted = Math.ceil(Number(HISTORIES) / 2);
  console.log(`half ${half} of ${HISTORIES} histories: HISTORIES_SEED=${seed}`);
  let run = 0;
  let after: number | null = null;
  const property = fc.asyncProperty(
    fc.noBias(fc.array(history, { minLength: 1, maxLength: SIDE_BY_SIDE, size: 'max' })),
    nights,
    async (histories, given) => {
      if (run >= wanted && after === null) return;
      run += histories.filter((steps) => steps.length > 0).length;
      await live(histories, given).catch((error: unknown) => {
        if (after === null)
          console.log(`After ${run} histories: ${error}\nNow for the smallest one that goes wrong.`);
        after ??= run;
        throw error;
      });
    },
  );
  // More worlds than it takes: they are half as large as they may be, and some histories are empty.
  const numRuns = 10 + Math.ceil((3 * wanted) / SIDE_BY_SIDE);
  const found = await fc.check(property, { seed: seed + half, numRuns });
  if (!found.failed) return { run, wanted };
  const [histories, given] = found.counterexample ?? [[], []];
  const { errorInstance: cause, numShrinks } = found;
  throw new Error(
    `HISTORIES_SEED=${seed} goes wrong after ${after} histories of half ${half}; ${numShrinks} times smaller it is:\n` +
      `${print(histories, given)}\n${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );
}
