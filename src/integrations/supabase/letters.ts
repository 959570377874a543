import { z } from 'zod';
import { instantMs, type Rpc } from './rpc.ts';

/** Which letters; what is left out lets all through. */
export interface LetterFilter {
  readonly ids?: readonly string[];
  readonly jobs?: readonly string[];
  readonly codes?: readonly string[];
  readonly fingerprint?: string;
  /** Replayed three times in vain, or not. */
  readonly poison?: boolean;
  /** Of the failure: from this instant on, and before that one. */
  readonly fromMs?: number;
  readonly untilMs?: number;
}

const amounts = z.record(z.string(), z.int());

export const letter = z.object({
  id: z.string(),
  job: z.string(),
  key: z.string(),
  generation: z.int(),
  code: z.string(),
  message: z.string(),
  /** The same for failures that differ only in numbers and ids. */
  fingerprint: z.string(),
  attempts: z.int(),
  failedAtMs: instantMs,
  replays: z.int(),
  isPoison: z.boolean(),
  /** Minor units by currency: the money that waits for this work, where that is known. */
  atRisk: amounts,
});
export type Letter = z.infer<typeof letter>;

const letterGroup = z.object({
  fingerprint: z.string(),
  job: z.string(),
  code: z.string(),
  /** Of its newest letter. */
  message: z.string(),
  letters: z.int(),
  poison: z.int(),
  firstAtMs: instantMs,
  lastAtMs: instantMs,
  atRisk: amounts,
});
export type LetterGroup = z.infer<typeof letterGroup>;

const shownLetter = letter.extend({
  payload: z.unknown(),
  payloadVersion: z.int(),
  trace: z.string(),
  /** Attempts that threw: {atMs, durationMs, payloadVersion, build, code, message, causes}. */
  tries: z.array(z.unknown()),
  madeAtMs: instantMs,
  dueAtMs: instantMs,
  closeDate: z.string().nullable(),
  /** Every time that this work ended for good, and what was decided then; the last is the letter itself. */
  deaths: z.array(
    z.object({
      generation: z.int(),
      code: z.string(),
      message: z.string(),
      attempts: z.int(),
      failedAtMs: instantMs,
      decision: z.enum(['replayed', 'edited', 'discarded']).nullable(),
      by: z.string().nullable(),
      reason: z.string().nullable(),
      decidedAtMs: instantMs.nullable(),
    }),
  ),
  /** What this work has done already, in the books and at Stripe. */
  effects: z.object({
    journals: z.array(z.object({ id: z.string(), template: z.string(), postedAtMs: instantMs })),
    stripe: z.array(z.object({ object: z.string(), id: z.string() })),
  }),
});
export type ShownLetter = z.infer<typeof shownLetter>;

const workState = z.object({ id: z.string(), state: z.enum(['due', 'done', 'dead', 'discarded']) });

/** What operators read of dead letters; they decide on them through the dead-letter queue. */
export interface LetterStore {
  /** Oldest first, keyset-paged by id; at most `limit` (≤ 500). */
  list(filter: LetterFilter, page: { afterId: string | null; limit: number }): Promise<Letter[]>;
  /** One line for each fingerprint, what has most letters first; at most 200. */
  group(filter: LetterFilter): Promise<LetterGroup[]>;
  /** Null when there is no open letter of this id. */
  show(id: string): Promise<ShownLetter | null>;
  /** How pieces of work stand now. */
  states(ids: readonly string[]): Promise<z.infer<typeof workState>[]>;
}

export function createLetterStore(rpc: Rpc): LetterStore {
  return {
    list: (filter, { afterId, limit }) =>
      rpc(
        'list_letters',
        { p_filter: filter, p_after_id: afterId === null ? null : Number(afterId), p_limit: limit },
        z.array(letter),
      ),
    group: (filter) => rpc('group_letters', { p_filter: filter }, z.array(letterGroup)),
    show: (id) => rpc('show_letter', { p_id: Number(id) }, shownLetter.nullable()),
    states: (ids) => rpc('work_states', { p_ids: ids.map(Number) }, z.array(workState)),
  };
}
