import type { Reporter, TestModule } from 'vitest/node';
import { addCounts } from './test-report.ts';

function count(modules: readonly TestModule[], state: 'passed' | 'failed' | 'skipped'): number {
  return modules.reduce((sum, { children }) => sum + [...children.allTests(state)].length, 0);
}

function failures(modules: readonly TestModule[]): string[] {
  return modules.flatMap(({ children, relativeModuleId }) =>
    [...children.allTests('failed')].map(({ fullName }) => `${relativeModuleId} > ${fullName}`),
  );
}

/** Adds what a run of vitest counted to the report that `run-tests.ts` sums up. vitest wants a class here. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: string): void {
    for (const [project, ours] of Map.groupBy(modules, (module) => module.project.name)) {
      addCounts(process.cwd(), {
        project,
        passed: count(ours, 'passed'),
        failed: count(ours, 'failed'),
        skipped: count(ours, 'skipped'),
        failures: failures(ours),
        ok: reason === 'passed' && errors.length === 0,
      });
    }
  }
}
