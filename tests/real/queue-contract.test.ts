import { describe } from 'vitest';
import { BACKEND_KINDS } from '../helpers/queue-backends.ts';
import { useQueueBackend } from './queue-contract/fixture.ts';
import { describeQueueLife } from './queue-contract/queue-life.ts';
import { describeRowsAndLetters } from './queue-contract/rows-and-letters.ts';
import { describeRuns } from './queue-contract/runs.ts';

/** What the queues promise, whatever keeps them. */
describe.each(BACKEND_KINDS)('on %s', (kind) => {
  const fixture = useQueueBackend(kind);
  describeRuns(fixture);
  describeRowsAndLetters(fixture);
  describeQueueLife(fixture, kind);
});
