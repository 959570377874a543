import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeRun } from '../helpers/say-skipped.ts';
import { addCounts, type Counts, clearReport, readReport, recordSkipped } from '../helpers/test-report.ts';

const counted = (project: string, facts: Partial<Counts> = {}): Counts => ({
  project,
  passed: 3,
  failed: 0,
  skipped: 0,
  failures: [],
  ok: true,
  ...facts,
});

describe('what a whole run of the tests came to', () => {
  test('the last line is the sum over all projects', () => {
    const report = { counts: [counted('unit'), counted('real', { skipped: 2 })], skipped: [] };
    expect(judgeRun(report, ['unit', 'real'], true)).toEqual({
      lines: ['6 passed, 0 failed, 2 skipped'],
      ok: true,
    });
  });

  test('a failed test fails the run and is named at its end', () => {
    const failed = { passed: 2, failed: 1, failures: ['a.test.ts > a'], ok: false };
    expect(judgeRun({ counts: [counted('unit', failed)], skipped: [] }, ['unit'], false)).toEqual({
      lines: ['failed: a.test.ts > a', 'failed: unit', '2 passed, 1 failed'],
      ok: false,
    });
  });

  test('an error outside of all tests fails the run', () => {
    expect(judgeRun({ counts: [counted('unit', { ok: false })], skipped: [] }, ['unit'], false).ok).toBe(
      false,
    );
  });

  test.each([
    { name: 'did not run', counts: [] },
    { name: 'skipped everything', counts: [counted('real', { passed: 0, skipped: 9 })] },
  ])('a project that $name fails the run', ({ counts }) => {
    const { lines, ok } = judgeRun({ counts, skipped: [] }, ['real'], false);
    expect(ok).toBe(false);
    expect(lines).toContain('failed: real ran no test');
  });

  test('what was left out is told on a newcomer’s machine and fails under CI', () => {
    const report = {
      counts: [counted('real', { skipped: 4 })],
      skipped: ['queue on Redis: there is no redis-server'],
    };
    expect(judgeRun(report, ['real'], false)).toEqual({
      lines: ['skipped: queue on Redis: there is no redis-server', '3 passed, 0 failed, 4 skipped'],
      ok: true,
    });
    expect(judgeRun(report, ['real'], true).ok).toBe(false);
  });
});

describe('the report that the projects write together', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(`${tmpdir()}/callclear-report-`);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('it holds what each project counted and each reason once, until it is cleared', () => {
    addCounts(root, counted('unit'));
    addCounts(root, counted('real'));
    recordSkipped(root, 'no Redis');
    recordSkipped(root, 'no Redis');
    expect(readReport(root)).toEqual({ counts: [counted('unit'), counted('real')], skipped: ['no Redis'] });
    clearReport(root);
    expect(readReport(root)).toEqual({ counts: [], skipped: [] });
  });

  test('vitest writes what it counted through the reporter', () => {
    writeFileSync(
      `${root}/a.test.js`,
      "test('a', () => {}); test('b', () => { throw new Error('b'); }); test.skip('c', () => {});",
    );
    const vitest = `${process.cwd()}/node_modules/vitest/vitest.mjs`;
    const reporter = `--reporter=${process.cwd()}/tests/helpers/count-reporter.ts`;
    const { status } = spawnSync(process.execPath, [vitest, 'run', '--globals', reporter], { cwd: root });
    expect(status).toBe(1);
    expect(readReport(root).counts).toEqual([
      { project: '', passed: 1, failed: 1, skipped: 1, failures: ['a.test.js > b'], ok: false },
    ]);
  });
});
