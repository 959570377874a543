import { z } from 'zod';
import { defineJob, done, HOUSE_BACKOFF } from '../define-job.ts';
import { judgeSupplier } from './ladder.ts';

/**
 * Counts what each supplier sent on a closed date, and makes the profiles of 28 days that later calls are scored by; then asks
 * of each supplier whether it stands on the ladder where its calls say.
 *
 * Safe to run twice: a date is counted once, a profile stays as it was made, and a supplier is moved once by a date.
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
  uses: ['fraud', 'standings', 'clock'],
  async handle({ date }, { fraud, standings, clock }) {
    const suppliers = await fraud.profileSuppliers(date);
    const moves = (await standings.toJudge(date)).flatMap(({ supplierId, ...stood }) => {
      const move = judgeSupplier(stood);
      return move === null ? [] : [{ supplierId, ...move }];
    });
    return done({ suppliers, moved: await standings.move(date, moves, clock.nowMs()) });
  },
});
