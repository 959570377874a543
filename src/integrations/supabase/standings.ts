import { z } from 'zod';
import { instantMs, type Rpc } from './rpc.ts';

const standing = z.enum(['active', 'throttled', 'paused', 'blocked']);
export type Standing = z.infer<typeof standing>;

const counts = z.object({
  days: z.int(),
  calls: z.int(),
  answered: z.int(),
  hangups: z.int(),
  payable: z.int(),
  inBand: z.int(),
  afterBand: z.int(),
  qualified: z.int(),
  fraudulent: z.int(),
  disputed: z.int(),
});

const toJudge = z.object({
  supplierId: z.uuid(),
  standing,
  /** Its calls since it was last decided about; its profile, and that of all. */
  since: counts,
  /** The kinds of findings that moved it since it was active. */
  movedFor: z.array(z.string()),
  profile: counts,
  network: counts,
});

export interface Move {
  readonly supplierId: string;
  readonly standing: Standing;
  readonly reason: string;
  readonly evidence: unknown;
}

const stands = z.object({
  supplierId: z.uuid(),
  supplier: z.string(),
  standing,
  sinceMs: instantMs,
  /** A person's word, which the rules leave alone. */
  byPerson: z.boolean(),
  setBy: z.string(),
  reason: z.string(),
  evidence: z.unknown(),
});

export type StandingsStore = ReturnType<typeof createStandingsStore>;

/** How suppliers stand; src/jobs/fraud/ladder.ts has the rules. */
export function createStandingsStore(rpc: Rpc) {
  return {
    /** The suppliers that had calls on a closed date, about whom no person has the word. */
    toJudge: (date: string): Promise<z.infer<typeof toJudge>[]> =>
      rpc('suppliers_to_judge', { p_date: date }, z.array(toJudge)),
    /** Records what the rules decided by a closed date; how many were moved. */
    move: (date: string, moves: readonly Move[], nowMs: number) =>
      rpc('move_suppliers', { p_date: date, p_moves: moves, p_now_ms: nowMs }, z.int()),
    /** A person's word, or with `rules` the end of it; false when it is so already. */
    set: (supplierId: string, to: Standing | 'rules', by: string, reason: string, nowMs: number) =>
      rpc(
        'set_standing',
        { p_supplier_id: supplierId, p_standing: to, p_by: by, p_reason: reason, p_now_ms: nowMs },
        z.boolean(),
      ),
    /** Those that were ever decided about; every other one is active. */
    list: () => rpc('list_standings', {}, z.array(stands)),
  };
}
