import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery } from './plan.ts';
import { type DurableFile, NOTHING_SENT, type Progress } from './progress.ts';
import { signDelivery, type TrafficSecrets } from './sign.ts';

export interface SendOptions {
  readonly deliveries: readonly Delivery[];
  /** Index of the first of them in the whole plan. */
  readonly from: number;
  readonly baseUrl: string;
  readonly secrets: TrafficSecrets;
  readonly progress: DurableFile<Progress>;
  readonly concurrency?: number;
  /** Between tries of one delivery, doubled each time up to 2 s. Default 100. */
  readonly retryMs?: number;
  /** Tries of one delivery while the receiver is away or says 503; then it is an error. Default 60. */
  readonly tries?: number;
  readonly onAnswered?: (count: number) => void;
}

const MAX_RETRY_MS = 2_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** So many answers between two writes of the progress; what is lost by a kill is sent again. */
const SAVE_EVERY = 50;

/**
 * Sends what was not answered yet, like a provider does: again after 503 and after a broken connection, until there is
 * an answer. Killed at any time, it goes on where it was; what it then sends again is the same event.
 */
export async function sendDeliveries(options: SendOptions): Promise<Progress> {
  const { deliveries, from, progress, concurrency = 24, onAnswered } = options;
  const state = (await progress.read()) ?? NOTHING_SENT;
  const answered = new Set<number>();
  const surprises = [...state.surprises];
  let next = Math.max(from, state.answered);
  let watermark = next;
  let unsaved = 0;
  let saving = Promise.resolve();
  const end = from + deliveries.length;

  const save = () => {
    const snapshot = { answered: watermark, surprises: [...surprises] };
    saving = saving.then(() => progress.write(snapshot));
    return saving;
  };
  async function sender(): Promise<void> {
    while (next < end) {
      const index = next++;
      const delivery = deliveries[index - from];
      if (delivery === undefined) return;
      const statusCode = await sendUntilAnswered(delivery, options);
      const isKnown = surprises.some((surprise) => surprise.index === index);
      if (statusCode !== delivery.expected && !isKnown)
        surprises.push({ index, kind: delivery.kind, statusCode });
      answered.add(index);
      while (answered.delete(watermark)) watermark += 1;
      onAnswered?.(1);
      if (++unsaved % SAVE_EVERY === 0) await save();
    }
  }
  onAnswered?.(Math.min(next, end) - from);
  await Promise.all(Array.from({ length: concurrency }, sender));
  await save();
  return { answered: watermark, surprises };
}

async function sendUntilAnswered(delivery: Delivery, options: SendOptions): Promise<number> {
  const { baseUrl, secrets, retryMs = 100, tries = 60 } = options;
  let problem: unknown = 'the receiver answered 503';
  for (let tried = 0; tried < tries; tried += 1) {
    if (tried > 0) await sleep(Math.min(MAX_RETRY_MS, retryMs * 2 ** (tried - 1)));
    // Signed anew each time, since the stamp of an old signature is refused.
    const { path, headers, body } = signDelivery(delivery, secrets, Date.now());
    try {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      const answer = await fetch(new URL(path, baseUrl), { method: 'POST', headers, body, signal });
      await answer.arrayBuffer();
      if (answer.status !== 503) return answer.status;
    } catch (error) {
      problem = error;
    }
  }
  throw new Error(`A webhook was not taken in ${tries} tries.`, { cause: problem });
}
