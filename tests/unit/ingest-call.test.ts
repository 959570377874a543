import { expect, test } from 'vitest';
import { ingestCall } from '../../src/jobs/calls/ingest-call.job.ts';

const NOW_MS = Date.UTC(2026, 2, 8, 12, 10);
const DAY_MS = 86_400_000;

test.each([
  ['factsAtMs', 0, true],
  ['factsAtMs', DAY_MS, true],
  ['factsAtMs', DAY_MS + 1, false],
  ['startedAtMs', DAY_MS, true],
  ['startedAtMs', DAY_MS + 1, false],
])(
  'a report whose %s lies %i ms after its receipt is taken: %s, since nothing true would ever replace it',
  async (name, afterMs, taken) => {
    const report = { startedAtMs: NOW_MS, factsAtMs: NOW_MS, [name]: NOW_MS + afterMs };
    const ingested: unknown[] = [];
    const services = {
      clock: { nowMs: () => NOW_MS },
      callReports: { parse: () => report },
      bodies: { seal: () => '' },
      calls: {
        async ingest(events: unknown[]) {
          ingested.push(...events);
          return events.map(() => 'stored');
        },
      },
    };
    const payload = { source: 'acme', kind: 'report', eventId: '1', receivedAtMs: NOW_MS, body: '' };
    const ended = await ingestCall.run(payload, services as never).catch((error: unknown) => error);
    expect(ended).toMatchObject(taken ? { kind: 'done' } : { code: 'BODY_MALFORMED' });
    expect(ingested).toHaveLength(taken ? 1 : 0);
  },
);
