import { parseArgs } from 'node:util';
import type { Backend } from '../house.ts';

export interface RigOptions {
  readonly seed: number;
  readonly kills: number;
  readonly calls: number;
  readonly backends: readonly Backend[];
  /** Most faults of one house; more are a round each in a fresh one, with the next seed. */
  readonly perHouse: number;
  readonly json: boolean;
  readonly keep: boolean;
}

export const USAGE = `npm run chaos -- [options]

  --kills N       how many faults (25)
  --seed S        the same seed gives the same calls and the same faults (1)
  --calls N       how many calls in each house (5000)
  --backend B     where the queue is kept: postgres, redis or both (postgres)
  --per-house N   most faults in one house; the rest fall in fresh ones with the next seeds (100)
  --json          print one JSON object and nothing else
  --keep          keep the directory of each house with the logs of its processes`;

/** Throws with what is wrong when an option is unknown or out of range. */
export function parseOptions(args: readonly string[]): RigOptions | 'help' {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ kills: text('25'), seed: text('1'), calls: text('5000'), backend: text('postgres') },
      ...{ 'per-house': text('100'), json: flag, keep: flag, help: flag },
    },
  });
  if (values.help) return 'help';
  return {
    kills: whole('--kills', values.kills, 0, 100_000),
    seed: whole('--seed', values.seed, 0, 4_000_000_000),
    calls: whole('--calls', values.calls, 100, 100_000),
    backends: backendsOf(values.backend),
    perHouse: whole('--per-house', values['per-house'], 1, 1_000),
    json: values.json,
    keep: values.keep,
  };
}

function backendsOf(text: string): Backend[] {
  if (text === 'both') return ['postgres', 'redis'];
  if (text === 'postgres' || text === 'redis') return [text];
  throw new Error('--backend must be postgres, redis or both.');
}

function whole(name: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= from && value <= to) return value;
  throw new Error(`${name} must be a whole number from ${from} to ${to}.`);
}
