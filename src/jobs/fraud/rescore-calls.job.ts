import { z } from 'zod';
import type { ScoringContext } from '../../integrations/supabase/calls.ts';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';
import { type ByRules, readRules } from './read-rules.ts';

/** Read in one request. */
const BATCH = 200;

/**
 * Scores the calls of a date once more when all are known, and those of earlier dates that a late one has something to say about:
 * windows are of the calls that started before one, some of which are reported after it. After this the order in which calls came
 * makes no difference to their scores.
 *
 * Safe to run twice: how far it came is a row; a call that has the score it has by now is left alone, and an earning ends once.
 */
export const rescoreCalls = defineJob({
  name: 'fraud.rescore-calls',
  queue: 'fraud',
  version: 1,
  payload: z.strictObject({ date: z.iso.date(), dueAtMs: z.int() }),
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 900_000,
  uses: ['calls', 'fraud', 'clock'],
  async handle({ date }, { calls, fraud, clock, signal }) {
    let looked = 0;
    let changed = 0;
    for (;;) {
      const next = await fraud.callsToRescore(date, BATCH);
      if (next.length === 0) return done({ looked, changed });
      signal.throwIfAborted();
      const ids = next.map(({ callId }) => callId);
      const contexts = await calls.scoringContext(ids, { withLateFacts: true });
      const decide = await readRules(fraud, contexts);
      const news = contexts.flatMap((call) => {
        const decision = isOpen(call) ? decide(call) : null;
        if (decision === null || isSame(call, decision)) return [];
        const { callId, factsVersion, factsKey } = call;
        return [{ callId, factsVersion, factsKey, ...decision }];
      });
      await fraud.rescore(date, news, next, clock.nowMs());
      looked += next.length;
      changed += news.length;
    }
  },
});

/** Scored by rules, and by no person. */
const isOpen = ({ status, decided, scored }: ScoringContext) =>
  status !== 'stored' && decided === null && scored?.verdict != null;

/** Also the numbers that were measured: what ops read beside a score is what is known. */
const isSame = ({ scored }: ScoringContext, { verdict, signals }: ByRules): boolean =>
  scored?.verdict === verdict && inWords(scored.signals) === inWords(signals);

/** The database keeps the numbers of a value in an order of its own. */
const inWords = (signals: ByRules['signals']): string =>
  JSON.stringify(
    signals.map(({ value, ...others }) => [
      ...Object.entries(others).sort(),
      ...Object.entries(value).sort(),
    ]),
  );
