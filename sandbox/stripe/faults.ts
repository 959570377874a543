import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { createRandom } from '../random.ts';

/** What goes wrong, on demand. `error-*` answers are stored under the key, as Stripe stores its 500s. */
export const faultSchema = z.strictObject({
  kind: z.enum([
    'error-before-commit',
    'error-after-commit',
    'cut-before-commit',
    'cut-after-commit',
    'stall',
    'rate-limit',
    'lock-timeout',
    'garbage-answer',
    'refuse',
  ]),
  /** Matches any method when absent. */
  method: z.enum(['GET', 'POST', 'DELETE']).optional(),
  pathPrefix: z.string().default('/v1/'),
  /** How many matching requests are let through first. */
  skip: z.int().min(0).default(0),
  /** How many requests it strikes. */
  count: z.int().min(1).default(1),
  /** Of those that it may strike, this part: the same ones for the same seed. */
  probability: z.number().gt(0).max(1).default(1),
  seed: z.int().default(1),
  /** Of `stall`: waits this long or until `resume`, then executes and answers, whoever still listens. */
  stallMs: z.int().min(0).default(3_000),
  /** Of `refuse`. */
  code: z.string().default('account_invalid'),
});
export type Fault = z.output<typeof faultSchema>;

export interface Faults {
  add(fault: z.input<typeof faultSchema>): void;
  clear(): void;
  /** How many requests stall now. */
  stallingCount(): number;
  /** Lets all that stalls go on. */
  resume(): void;
  /** While on, every new event is delivered twice, and what is due goes out in reverse. */
  deliverTwiceShuffled(on: boolean): void;
}

export interface FaultTable extends Faults {
  /** The fault that strikes this request, used up by it. */
  take(method: string, path: string): Fault | null;
  /** Rejects when the simulator closes. */
  stall(ms: number, closing: AbortSignal): Promise<void>;
  readonly shuffling: boolean;
}

export function createFaults(): FaultTable {
  let faults: (Fault & { readonly strikes: () => boolean })[] = [];
  let shuffling = false;
  const stalling = new Set<AbortController>();
  return {
    add(given) {
      const fault = faultSchema.parse(given);
      const random = createRandom(fault.seed);
      faults.push({ ...fault, strikes: () => random.next() < fault.probability });
    },
    clear() {
      faults = [];
    },
    stallingCount: () => stalling.size,
    resume() {
      for (const one of stalling) one.abort();
    },
    async stall(ms, closing) {
      const resumed = new AbortController();
      stalling.add(resumed);
      try {
        await sleep(ms, undefined, { signal: AbortSignal.any([closing, resumed.signal]) });
      } catch (error) {
        if (!resumed.signal.aborted) throw error;
      } finally {
        stalling.delete(resumed);
      }
    },
    deliverTwiceShuffled(on) {
      shuffling = on;
    },
    get shuffling() {
      return shuffling;
    },
    take(method, path) {
      for (const fault of faults) {
        if ((fault.method ?? method) !== method || !path.startsWith(fault.pathPrefix)) continue;
        if (fault.skip > 0) {
          fault.skip -= 1;
          continue;
        }
        if (!fault.strikes()) continue;
        fault.count -= 1;
        if (fault.count === 0) faults = faults.filter((other) => other !== fault);
        return fault;
      }
      return null;
    },
  };
}
