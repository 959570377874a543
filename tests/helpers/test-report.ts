import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { z } from 'zod';

const FOLDER = '.test-report';

/** How the run of one vitest project ended. */
const countsSchema = z.object({
  project: z.string(),
  passed: z.int(),
  failed: z.int(),
  skipped: z.int(),
  /** The file and the full name of each test that failed. */
  failures: z.array(z.string()),
  /** False also for what is no test: an error while loading, a rejection that nobody caught. */
  ok: z.boolean(),
});
export type Counts = z.infer<typeof countsSchema>;

export interface Report {
  readonly counts: readonly Counts[];
  /** What was left out for want of Redis, Docker or a browser, each with its reason. */
  readonly skipped: readonly string[];
}

function readLines(path: string): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

function append(root: string, file: string, line: string): void {
  mkdirSync(`${root}/${FOLDER}`, { recursive: true });
  appendFileSync(`${root}/${FOLDER}/${file}`, `${line}\n`);
}

export const clearReport = (root: string): void =>
  rmSync(`${root}/${FOLDER}`, { recursive: true, force: true });

export const addCounts = (root: string, counts: Counts): void =>
  append(root, 'counts.jsonl', JSON.stringify(counts));

/** To be called by a test file that cannot run here: the last lines of `npm test` say so, and CI fails. */
export const recordSkipped = (root: string, reason: string): void => append(root, 'skipped', reason);

export function readReport(root: string): Report {
  return {
    counts: readLines(`${root}/${FOLDER}/counts.jsonl`).map((line) => countsSchema.parse(JSON.parse(line))),
    skipped: [...new Set(readLines(`${root}/${FOLDER}/skipped`))],
  };
}
