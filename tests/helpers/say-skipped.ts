import type { Counts, Report } from './test-report.ts';

export interface Verdict {
  /** For the end of the output; the last is `N passed, N failed`, with `, N skipped` when something was. */
  readonly lines: readonly string[];
  readonly ok: boolean;
}

/**
 * What a whole run came to: sums over all projects, and what was left out.
 *
 * A project that ran no test fails, so that a broken set-up is never green; so does anything left out under CI,
 * where Redis and a browser are always there.
 */
export function judgeRun(report: Report, projects: readonly string[], underCi: boolean): Verdict {
  const sum = (field: 'passed' | 'failed' | 'skipped'): number =>
    report.counts.reduce((total, counts) => total + counts[field], 0);
  const ranNothing = projects.filter((project) => !report.counts.some((counts) => ranTests(counts, project)));
  const notOk = report.counts.filter(({ ok }) => !ok).map(({ project }) => project);
  const skipped = sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : '';
  return {
    lines: [
      ...report.skipped.map((reason) => `skipped: ${reason}`),
      ...(underCi && report.skipped.length > 0 ? ['failed: under CI nothing may be skipped'] : []),
      ...ranNothing.map((project) => `failed: ${project} ran no test`),
      ...report.counts.flatMap(({ failures }) => failures.map((name) => `failed: ${name}`)),
      ...notOk.map((project) => `failed: ${project}`),
      `${sum('passed')} passed, ${sum('failed')} failed${skipped}`,
    ],
    ok:
      ranNothing.length === 0 &&
      notOk.length === 0 &&
      sum('failed') === 0 &&
      !(underCi && report.skipped.length > 0),
  };
}

const ranTests = (counts: Counts, project: string): boolean =>
  counts.project === project && counts.passed + counts.failed > 0;
