import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { nothing, type Rpc } from './rpc.ts';

/** Longer than this no request waits in its process: its job waits in the queue. */
const MOST_WAIT_MS = 5_000;
/** Below the rates, so that requests which come closer together on their way are not refused. */
const SHARE = 0.98;

/** The line that the database keeps; see integrations/stripe/turns.ts for what is promised of it. */
export function createStripeTurns(
  rpc: Rpc,
  { perS, operationPerS }: { readonly perS: number; readonly operationPerS: number },
) {
  return {
    async take(operation: string, signal: AbortSignal): Promise<boolean> {
      const rates = { p_per_s: perS * SHARE, p_operation_per_s: operationPerS * SHARE };
      try {
        const waitMs = await rpc(
          'take_stripe_turn',
          { p_operation: operation, ...rates, p_most_ms: MOST_WAIT_MS },
          z.int().nonnegative(),
        );
        if (waitMs > MOST_WAIT_MS) return false;
        if (waitMs > 0) await sleep(waitMs, undefined, { signal });
        return !signal.aborted;
      } catch {
        return false;
      }
    },
    async pause(line: string): Promise<void> {
      // What cannot be written down is told by Stripe once more.
      await rpc('pause_stripe', { p_line: line }, nothing).catch(() => undefined);
    },
  };
}
