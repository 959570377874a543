import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly calls: number;
  readonly seed: number;
  /** Share of bad calls, 0 to 1. */
  readonly fraudShare: number;
  readonly exit: boolean;
  readonly json: boolean;
  readonly redis: boolean;
  /** Null: a temporary directory, removed at the end. */
  readonly dataDir: string | null;
  /** 0 takes a free one. */
  readonly port: number;
}

export const USAGE = `npm run demo -- [options]

  --calls N     how many calls (2000)
  --seed S      the same seed gives the same calls (1)
  --fraud 0.15  share of bad calls, 0 to 1
  --redis       the queue on Redis: REDIS_URL, else a redis-server of its own
  --data DIR    keep everything in DIR, and go on from there
  --port P      where to listen (any free port)
  --json        print one JSON object and nothing else
  --exit        end when the last close is done`;

/** Throws with what is wrong when an option is unknown or out of range. */
export function parseOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      calls: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      fraud: { type: 'string', default: '0.15' },
      exit: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      redis: { type: 'boolean', default: false },
      data: { type: 'string' },
      port: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    calls: wholeOf('--calls', values.calls, 1, 500_000),
    seed: wholeOf('--seed', values.seed, 0, 4_294_967_295),
    fraudShare: numberOf('--fraud', values.fraud, 0, 1),
    exit: values.exit,
    json: values.json,
    redis: values.redis,
    dataDir: values.data ?? null,
    port: wholeOf('--port', values.port, 0, 65_535),
  };
}

function numberOf(name: string, text: string, from: number, to: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= from && value <= to) return value;
  throw new Error(`${name} must be a number from ${from} to ${to}.`);
}

function wholeOf(name: string, text: string, from: number, to: number): number {
  const value = numberOf(name, text, from, to);
  if (Number.isInteger(value)) return value;
  throw new Error(`${name} must be a whole number.`);
}
