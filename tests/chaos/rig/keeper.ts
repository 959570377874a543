import { setTimeout as sleep } from 'node:timers/promises';
import type { Part } from './schedule.ts';

/** What a keeper needs of a process, whoever started it. */
export interface Kept {
  readonly pid: number;
  readonly ended: Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
}

export interface Keeper {
  readonly name: Part;
  readonly state: 'starting' | 'up' | 'suspended' | 'down';
  /** Ends that nobody ordered, such as a store that gives up on a full disk. */
  readonly ownEnds: number;
  /** SIGKILL; it is started again after the delay. Waits for one that is only starting. */
  kill(restartAfterMs: number): Promise<void>;
  suspend(lengthMs: number): Promise<void>;
  untilUp(): Promise<void>;
  /** Starts nothing any more; what runs is left to the house. */
  stop(): void;
}

const OWN_END_DELAY_MS = 300;
const POLL_MS = 20;
const UP_WITHIN_MS = 120_000;

/** A supervisor of one process: whatever ends is started again, as often as it takes. */
export function keepUp(name: Part, start: () => Promise<Kept>): Keeper {
  let state: Keeper['state'] = 'starting';
  let kept: Kept | null = null;
  let restartAfterMs: number | null = null;
  let ownEnds = 0;
  let stopped = false;
  let failure: unknown = null;

  async function keep(): Promise<void> {
    while (!stopped) {
      state = 'starting';
      try {
        kept = await start();
      } catch (error) {
        // What it needs may be away itself; it is tried again like any supervisor would.
        failure = error;
        await sleep(OWN_END_DELAY_MS);
        continue;
      }
      state = 'up';
      await kept.ended;
      kept = null;
      state = 'down';
      if (restartAfterMs === null && !stopped) ownEnds += 1;
      const delayMs = restartAfterMs ?? OWN_END_DELAY_MS;
      restartAfterMs = null;
      await sleep(delayMs);
    }
  }
  void keep();

  async function untilUp(): Promise<Kept> {
    const until = performance.now() + UP_WITHIN_MS;
    while (performance.now() < until) {
      if (kept !== null && state === 'up') return kept;
      await sleep(POLL_MS);
    }
    throw new Error(`${name} is ${state} and does not come up.`, { cause: failure });
  }

  return {
    name,
    get state() {
      return state;
    },
    get ownEnds() {
      return ownEnds;
    },
    async kill(delayMs) {
      const running = await untilUp();
      restartAfterMs = delayMs;
      running.signal('SIGKILL');
      await running.ended;
    },
    async suspend(lengthMs) {
      const running = await untilUp();
      state = 'suspended';
      running.signal('SIGSTOP');
      await sleep(lengthMs);
      running.signal('SIGCONT');
      if (kept === running) state = 'up';
    },
    untilUp: async () => void (await untilUp()),
    stop() {
      stopped = true;
    },
  };
}
