import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { stopOrphan } from '../../sandbox/database/embedded.ts';
import { PROJECT } from './migrations.ts';

const RUN_MS = 5 * 60_000;
const CACHE = join('node_modules', '.cache');

/** How one test ended; `silent` when it was not run at all, or no answer came in time. */
export interface Verdict {
  readonly end: 'passed' | 'failed' | 'silent';
  /** What it said when it failed, or what stopped it from being run. */
  readonly said: string;
}

export interface Workshop {
  /** Of the copy. */
  readonly root: string;
  apply(patch: string): void;
  reverse(patch: string): void;
  /** Runs these tests of one file; the n-th verdict belongs to the n-th test. */
  run(file: string, tests: readonly string[]): Promise<Verdict[]>;
  close(): Promise<void>;
}

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      message: z.string().default(''),
      assertionResults: z.array(
        z.object({
          ancestorTitles: z.array(z.string()),
          title: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

/**
 * A copy of the tree in which defects may be made: the working tree is never touched. Packages are linked; the cache of
 * migrated databases is the copy's own, because the tree's would be thrown away with each defect of a migration.
 */
export function openWorkshop(): Workshop {
  const root = mkdtempSync(join(tmpdir(), 'callclear-mutants-'));
  // The database server may run as another user, who must pass through.
  execFileSync('chmod', ['755', root]);
  const git = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  for (const path of execFileSync('git', git, { cwd: PROJECT, encoding: 'utf8' }).split('\0')) {
    if (path === '' || !existsSync(join(PROJECT, path))) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    cpSync(join(PROJECT, path), join(root, path));
  }
  mkdirSync(join(root, CACHE), { recursive: true });
  for (const name of readdirSync(join(PROJECT, 'node_modules'))) {
    if (name !== '.cache') symlinkSync(join(PROJECT, 'node_modules', name), join(root, 'node_modules', name));
  }
  // Outside of any repository, so that git changes files here and nowhere else.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(root) };
  const patched = (patch: string, ...more: string[]) =>
    execFileSync('git', ['apply', ...more, patch], { cwd: root, env });
  return {
    root,
    apply: (patch) => void patched(patch),
    reverse: (patch) => void patched(patch, '--reverse'),
    run: (file, tests) => runTests(root, file, tests),
    async close() {
      await stopServers(root);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function runTests(root: string, file: string, tests: readonly string[]): Promise<Verdict[]> {
  const output = join(root, 'verdicts.json');
  rmSync(output, { force: true });
  const project = file.startsWith('tests/real/') ? 'real' : 'unit';
  const pattern = `^(${tests.map((test) => RegExp.escape(test)).join('|')})$`;
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, file, '-t', pattern];
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  const child = spawn(process.execPath, [...vitest, '--reporter=json', `--outputFile=${output}`], {
    cwd: root,
    env: Object.fromEntries(own),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  if (!(await endsInTime(child))) {
    await stopServers(root);
    return tests.map(() => ({ end: 'silent', said: `no answer within ${RUN_MS} ms` }));
  }
  if (!existsSync(output)) return tests.map(() => ({ end: 'silent', said: said.join('') }));
  const { testResults } = reportSchema.parse(JSON.parse(readFileSync(output, 'utf8')));
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  const why = testResults.map(({ message }) => message).join('\n');
  return tests.map((test) => {
    const result = results.find(
      ({ ancestorTitles, title }) => [...ancestorTitles, title].join(' > ') === test,
    );
    const end = result?.status === 'passed' || result?.status === 'failed' ? result.status : 'silent';
    return { end, said: (result?.failureMessages ?? []).join('\n') || why };
  });
}

async function endsInTime(child: ChildProcess): Promise<boolean> {
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, RUN_MS);
  const [, signal] = await once(child, 'exit');
  clearTimeout(timer);
  return signal === null;
}

/** Database servers whose tests were killed. */
async function stopServers(root: string): Promise<void> {
  const running = join(root, CACHE, 'callclear', 'run');
  if (!existsSync(running)) return;
  for (const name of readdirSync(running))
    await stopOrphan(join(running, name, 'cluster')).catch(() => undefined);
}
