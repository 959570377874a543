import { setTimeout as sleep } from 'node:timers/promises';
import type { Scene } from './scene.ts';
import { type Blow, describeFault, type Phase, type PlannedFault } from './schedule.ts';

export interface Killer {
  /** Applies the faults of a phase as it goes on; `progress` is 0 to 1. `end` applies the rest and lifts all. */
  begin(phase: Phase, progress: () => number): { end(): Promise<void> };
  /** Faults that stand now. */
  activeCount(): number;
  /** For how long none has stood. */
  quietMs(): number;
  readonly applied: number;
}

const POLL_MS = 10;
/** More faults at a time would be one long outage. */
const MOST_AT_ONCE = 3;

export function createKiller(
  scene: Scene,
  schedule: readonly PlannedFault[],
  say: (line: string) => void,
): Killer {
  let active = 0;
  let applied = 0;
  let lastLiftMs = performance.now();
  const failures: unknown[] = [];
  /** One at a time for each target, or the second would strike what the first has taken away. */
  const tails = new Map<string, Promise<void>>();

  function strike(fault: PlannedFault): void {
    const { target } = fault.blow;
    active += 1;
    const blow = (tails.get(target) ?? Promise.resolve()).then(async () => {
      say(describeFault(fault));
      await apply(scene, fault.blow);
      applied += 1;
    });
    const settled = blow
      .catch((error: unknown) => failures.push(error))
      .then(() => {
        active -= 1;
        lastLiftMs = performance.now();
      });
    tails.set(target, settled);
  }

  async function walk(phase: Phase, progress: () => number, isOver: () => boolean): Promise<void> {
    for (const fault of schedule.filter((one) => one.phase === phase)) {
      while (!isOver() && (progress() < fault.at || active >= MOST_AT_ONCE)) await sleep(POLL_MS);
      await sleep(isOver() ? 0 : fault.afterMs);
      while (active >= MOST_AT_ONCE) await sleep(POLL_MS);
      strike(fault);
    }
  }

  return {
    begin(phase, progress) {
      let over = false;
      const walking = walk(phase, progress, () => over);
      return {
        async end() {
          over = true;
          await walking;
          await Promise.all(tails.values());
          if (failures.length > 0) throw new AggregateError(failures, 'A fault could not be applied.');
        },
      };
    },
    activeCount: () => active,
    quietMs: () => (active > 0 ? 0 : performance.now() - lastLiftMs),
    get applied() {
      return applied;
    },
  };
}

/** Resolves when the fault is lifted; a fault laid in the simulator lies there until it strikes. */
async function apply(scene: Scene, blow: Blow): Promise<void> {
  const { house, doors, disks, keepers } = scene;
  switch (blow.kind) {
    case 'kill':
      await keepers.get(blow.target)?.kill(blow.restartAfterMs);
      await keepers.get(blow.target)?.untilUp();
      return;
    case 'suspend':
      return keepers.get(blow.target)?.suspend(blow.lengthMs);
    case 'cut':
    case 'freeze':
    case 'swallow': {
      const door = doors[blow.target];
      door.setMode(blow.kind);
      await sleep(blow.lengthMs);
      // A connection that has lost bytes cannot go on: on a real network it would not have either.
      if (blow.kind === 'swallow') door.resetAll();
      door.setMode('pass');
      return;
    }
    case 'delay': {
      const door = doors[blow.target];
      door.setDelayMs(Math.round(blow.lengthMs / 10));
      await sleep(blow.lengthMs);
      door.setDelayMs(0);
      return;
    }
    case 'full-disk': {
      await disks.get(blow.target)?.fill();
      await sleep(blow.lengthMs);
      await disks.get(blow.target)?.empty();
      return keepers.get(blow.target)?.untilUp();
    }
    case 'stripe': {
      const { fault, target, skip, count } = blow;
      const fields = { kind: fault, method: 'POST', pathPrefix: target, skip, count };
      await untilTaken(() => house.control('POST', '/_sim/faults', fields));
    }
  }
}

const CONTROL_WITHIN_MS = 60_000;

/** The simulator may itself be down when it is steered. */
export async function untilTaken<T>(work: () => Promise<T>): Promise<T> {
  const until = performance.now() + CONTROL_WITHIN_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(POLL_MS * 10);
    }
  }
}
