import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, PermanentError } from '../errors.ts';
import type { Letter, LetterFilter, LetterStore } from '../integrations/supabase/letters.ts';
import type { DeadLetters } from './dead-letter.ts';

const PAGE = 500;
/** More at once is no decision any more. */
const MAX_LETTERS = 10_000;
const LOOK_MS = 500;

/** The letters that a filter lets through, oldest first. LETTER_FILTER_INVALID when they are too many. */
export async function selectLetters(store: LetterStore, filter: LetterFilter): Promise<Letter[]> {
  const letters: Letter[] = [];
  for (;;) {
    const page = await store.list(filter, { afterId: letters.at(-1)?.id ?? null, limit: PAGE });
    letters.push(...page);
    if (letters.length > MAX_LETTERS)
      throw new PermanentError('LETTER_FILTER_INVALID', `More than ${MAX_LETTERS} letters are meant.`);
    if (page.length < PAGE) return letters;
  }
}

interface ReplayManyOptions {
  readonly letters: readonly Pick<Letter, 'id' | 'isPoison'>[];
  readonly by: string;
  readonly reason: string;
  /** Letters per second. */
  readonly ratePerS: number;
  /** The batch ends by itself when so many of it died again. */
  readonly stopAfter: number;
  /** How long to wait for the last ones. */
  readonly waitMs: number;
}

export interface ReplayManyReport {
  /** Ids that are due again. */
  replayed: number;
  /** Of those: what came of them so far. */
  done: number;
  diedAgain: number;
  underWay: number;
  /** Replayed three times in vain: each needs a decision of its own. */
  poison: number;
  /** Somebody else decided first. */
  gone: number;
  /** Could only have died again: the id and why. */
  refused: { id: string; code: string; message: string }[];
  /** Too many died again, so that the rest was left alone. */
  stopped: boolean;
}

/**
 * Replays letters one after another and watches what becomes of them.
 *
 * Safe to run twice, also at the same time: each letter is replayed by whoever decides first.
 */
export async function replayMany(
  queue: Pick<DeadLetters, 'replay'>,
  store: Pick<LetterStore, 'states'>,
  options: ReplayManyOptions,
): Promise<ReplayManyReport> {
  const { letters, by, reason, ratePerS, stopAfter, waitMs } = options;
  const under = new Set<string>();
  const report: ReplayManyReport = {
    ...{ replayed: 0, done: 0, diedAgain: 0, underWay: 0, poison: 0, gone: 0 },
    ...{ refused: [], stopped: false },
  };
  let lookedMs = Number.NEGATIVE_INFINITY;
  async function look(): Promise<void> {
    if (performance.now() - lookedMs < LOOK_MS) return;
    for (const { id, state } of under.size === 0 ? [] : await store.states([...under])) {
      if (state === 'due') continue;
      under.delete(id);
      if (state === 'dead') report.diedAgain += 1;
      else report.done += 1;
    }
    report.underWay = under.size;
    lookedMs = performance.now();
  }
  const startedMs = performance.now();
  for (const { id, isPoison } of letters) {
    if (isPoison) {
      report.poison += 1;
      continue;
    }
    await sleep(Math.max(0, startedMs + (report.replayed * 1_000) / ratePerS - performance.now()));
    await look();
    report.stopped = report.diedAgain >= stopAfter;
    if (report.stopped) break;
    try {
      const isMine = await queue.replay({ id, by, reason });
      report[isMine ? 'replayed' : 'gone'] += 1;
      if (isMine) under.add(id);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      if (error.code === 'LETTER_UNKNOWN') report.gone += 1;
      else report.refused.push({ id, code: error.code, message: error.message });
    }
  }
  const untilMs = performance.now() + waitMs;
  for (;;) {
    lookedMs = Number.NEGATIVE_INFINITY;
    await look();
    if (under.size === 0 || performance.now() > untilMs) return report;
    await sleep(LOOK_MS);
  }
}

/**
 * Drops letters for good; `gone` are those that somebody else decided on meanwhile.
 *
 * Safe to run twice, also at the same time: each letter is dropped by whoever decides first.
 */
export async function discardMany(
  queue: Pick<DeadLetters, 'discard'>,
  {
    letters,
    by,
    reason,
  }: Pick<ReplayManyOptions, 'by' | 'reason'> & { readonly letters: readonly { id: string }[] },
): Promise<{ discarded: number; gone: number }> {
  let discarded = 0;
  for (const { id } of letters) {
    try {
      if (await queue.discard({ id, by, reason })) discarded += 1;
    } catch (error) {
      if (codeOf(error, 'INTERNAL') !== 'LETTER_UNKNOWN') throw error;
    }
  }
  return { discarded, gone: letters.length - discarded };
}
