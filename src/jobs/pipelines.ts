import type { Nightly } from './define-job.ts';
import { jobs } from './registry.ts';

/** What runs once for each business date. */
export interface Pipeline extends Nightly {
  readonly name: string;
  /** The job that a run is; null is the nightly close, whose stages have jobs of their own. */
  readonly job: string | null;
}

/**
 * Every pipeline there is. One close follows the other, because each takes over what the one before left; it never
 * pauses by itself, because a close ends without the items that failed, and its report names them.
 */
export const pipelines: readonly Pipeline[] = [
  { name: 'nightly-close', job: null, dueTime: '09:00', catchUpDays: 7, overlap: 'queue', pauseAfter: null },
  ...jobs.flatMap(({ name, nightly }) => (nightly === null ? [] : [{ name, job: name, ...nightly }])),
];
