import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { dateAfter } from '../../sandbox/demo/state.ts';
import { recordSkipped } from './test-report.ts';

const root = join(import.meta.dirname, '..', '..');
const count = z.int().nonnegative();
const amounts = z.record(z.enum(['cad', 'usd']), count);

/** What `--json` promises, to the letter. */
export const demoResult = z.strictObject({
  calls: z.strictObject({
    ...{ sent: count, lost: count, accepted: count, recovered: count, duplicatesSent: count, stored: count },
    ...{ qualified: count, rejected: count, held: count, takenBack: count },
  }),
  ledger: z.strictObject({
    journals: count,
    debitsMinor: amounts,
    creditsMinor: amounts,
    unbalancedJournals: count,
  }),
  billing: z.strictObject({ invoices: count, paid: count, billedMinor: amounts }),
  payouts: z.strictObject({ sent: count, amountMinor: amounts, duplicates: count, pendingMinor: amounts }),
  reconciliation: z.strictObject({ matched: count, breaks: count }),
  deadLetters: count,
  audit: z.strictObject({ ok: z.boolean(), failures: z.array(z.string()) }),
  seconds: z.strictObject({
    start: z.number(),
    ingest: z.number(),
    close: z.number(),
    total: z.number(),
  }),
});

export interface DemoRun {
  readonly child: ChildProcess;
  /** Everything that it said on standard error, for a failing test. */
  readonly said: () => string;
  /** Resolves when a line of standard error contains the text; rejects when it ends before. */
  waitForLine(text: string): Promise<void>;
  /** Standard output and status, when it has ended. */
  readonly ended: Promise<{ readonly output: string; readonly status: number | null }>;
}

/** Starts the demo as its user does. Without REDIS_URL, so that `--redis` starts a server of its own. */
export function startDemo(args: readonly string[]): DemoRun {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR };
  const child = spawn(process.execPath, [join(root, 'sandbox', 'demo.ts'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const reader = createInterface(child.stderr).on('line', (line) => lines.push(line));
  const ended = once(child, 'close').then(() => ({ output, status: child.exitCode }));
  const said = () => lines.join('\n');
  return {
    child,
    said,
    ended,
    waitForLine: (text) =>
      new Promise((resolve, reject) => {
        const look = (line: string) => {
          if (line.includes(text)) resolve();
        };
        for (const line of lines) look(line);
        reader.on('line', look);
        void ended.then(() => reject(new Error(`The demo ended without "${text}":\n${said()}`)));
      }),
  };
}

/** Runs it to its end and reads its JSON; throws what it said when it printed none. */
export async function runDemo(args: readonly string[]) {
  const run = startDemo([...args, '--exit', '--json']);
  const { output, status } = await run.ended;
  if (output === '') throw new Error(`The demo ended with ${status} and printed nothing:\n${run.said()}`);
  return { result: demoResult.parse(JSON.parse(output)), status, said: run.said() };
}

/** The n-th business date of the demo in a data directory, whatever day it is by now. */
export async function demoDate(dataDir: string, nth: number): Promise<string> {
  const state: unknown = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
  return dateAfter(z.looseObject({ firstDate: z.iso.date() }).parse(state).firstDate, nth);
}

/**
 * Runs the command line as an operator does, with nothing configured but what is given; one that does not end by itself is sent
 * `stop` when it has printed something.
 */
export async function runCommandLine(
  args: readonly string[],
  given: Record<string, string> = {},
  stop?: NodeJS.Signals,
) {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, [join(root, 'src', 'cli.ts'), ...args], {
    cwd: root,
    env: { PATH, HOME, TMPDIR, ...given },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (stop !== undefined) child.stdout.once('data', () => child.kill(stop));
  const [out, err, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { status: Number(status), out, err };
}

/** The queue backends that can be tried here; CI must have a Redis, elsewhere its absence is recorded. */
export function demoBackends(): readonly { readonly name: string; readonly flags: readonly string[] }[] {
  const postgres = { name: 'PostgreSQL', flags: [] };
  if (spawnSync('redis-server', ['--version']).status === 0)
    return [postgres, { name: 'Redis', flags: ['--redis'] }];
  if (process.env.CI) throw new Error('CI needs a redis-server on the PATH.');
  recordSkipped(root, 'the demo on Redis: no redis-server');
  return [postgres];
}
