/**
 * `npm test`: runs every project of vitest, also after one has failed, and ends with the sum of them all.
 */
import { spawnSync } from 'node:child_process';
import { judgeRun } from './say-skipped.ts';
import { clearReport, readReport } from './test-report.ts';

const PROJECTS = ['unit', 'real', 'chaos', 'e2e'];
const REPORTERS = ['--reporter=default', '--reporter=./tests/helpers/count-reporter.ts'];

const root = process.cwd();
clearReport(root);
const statuses = PROJECTS.map(
  (project) =>
    spawnSync(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...REPORTERS],
      {
        stdio: 'inherit',
      },
    ).status,
);
const { lines, ok } = judgeRun(readReport(root), PROJECTS, process.env.CI === 'true');
console.log(lines.join('\n'));
process.exitCode = ok && statuses.every((status) => status === 0) ? 0 : 1;
