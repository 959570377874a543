import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';
import { judgeSupplier } from './ladder.ts';

/**
 * Counts what each supplier sent on a closed date, and makes the profiles of 28 days that later calls are scored by; then asks
 * of each supplier whether it stands on the ladder where its calls say. What providers said of numbers is deleted when its days are over.
 *
 * Safe to run twice: a date is counted once, a profile stays as it was made, a supplier is moved once by a date, and what is deleted
 * is gone.
 */
export const profileSuppliers = defineJob({
  name: 'fraud.profile-suppliers',
  queue: 'fraud',
  version: 1,
  payload: z.strictObject({ date: z.iso.date(), dueAtMs: z.int() }),
  key: ({ date }) => date,
  attempts: 8,
  backoff: HOUSE_BACKOFF,
  timeoutMs: 120_000,
  uses: ['fraud', 'standings', 'lookups', 'clock'],
  async handle({ date }, { fraud, standings, lookups, clock }) {
    const forgotten = await lookups.forget(date);
    const suppliers = await fraud.profileSuppliers(date);
    const moves = (await standings.toJudge(date)).flatMap(({ supplierId, ...stood }) => {
      const move = judgeSupplier(stood);
      return move === null ? [] : [{ supplierId, ...move }];
    });
    return done({ suppliers, forgotten, moved: await standings.move(date, moves, clock.nowMs()) });
  },
});
