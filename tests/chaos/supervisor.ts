import { poll } from './business.ts';
import type { App, ChaosHouse } from './house.ts';
import type { Managed } from './processes.ts';

const KILLED = 'killed at ';

/** Starts a process again whenever it dies, as production does, and has it die at each of some boundaries once. */
export interface Supervisor {
  /** Where processes have died, in order. */
  readonly deaths: readonly string[];
  /** Boundaries at which none has died yet. */
  readonly left: Set<string>;
  /** The present process is killed; its successor dies at what is left. */
  kill(): void;
  /** The result of `work`; rejects as soon as a process ends in another way than at a boundary. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Ends the process and starts no other. */
  stop(): Promise<void>;
}

export function supervise(house: ChaosHouse, app: App, aim: Iterable<string> = []): Supervisor {
  const left = new Set(aim);
  const deaths: string[] = [];
  const killedHere = new Set<Managed>();
  let stopping = false;
  let current = begin();

  function begin(): Managed {
    return house.start(app, { env: { KILL_POINT: [...left].join(',') } });
  }
  function kill(): void {
    killedHere.add(current);
    current.signal('SIGKILL');
  }
  async function loop(): Promise<void> {
    for (;;) {
      const dead = current;
      const status = await dead.ended;
      if (stopping) return;
      let boundary: string | undefined;
      await poll(5_000, async () => {
        boundary = dead.lines.find((line) => line.startsWith(KILLED))?.slice(KILLED.length);
        return boundary !== undefined || killedHere.has(dead) || status !== 'SIGKILL';
      });
      if (boundary === undefined && !killedHere.has(dead))
        throw new Error(`${app} ended with ${status}:\n${dead.lines.slice(-20).join('\n')}`);
      if (boundary !== undefined) {
        deaths.push(boundary);
        left.delete(boundary);
      }
      if (stopping) return;
      current = begin();
    }
  }
  const looping = loop();
  // Heard by `during` and `stop`.
  looping.catch(() => undefined);
  return {
    deaths,
    left,
    kill,
    during: (work) => Promise.race([work, looping.then(() => work)]),
    async stop() {
      stopping = true;
      kill();
      await looping;
    },
  };
}
