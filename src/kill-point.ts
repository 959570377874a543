import { writeSync } from 'node:fs';
import type { KillPoint } from './config-values.ts';

/** Returns `part`, or a stand-in for it whose methods are watched. */
export type Watch = <Part extends object>(name: string, part: Part) => Part;

/** These have no effect outside the process. */
const WITHOUT_EFFECT = [
  'log',
  'clock',
  'bodies',
  'callReports',
  'callEvents',
  'callLogReaders',
  'lookupProviders',
  'found',
];
const STDERR = 2;

interface Watching {
  readonly points: readonly KillPoint[];
  /** Told once of each boundary that is crossed. */
  readonly tell: (boundary: string) => void;
  readonly kill: (boundary: string) => void;
}

/** Dies as by `kill -9`: nothing is flushed and nobody is told, but for one line that names the boundary. */
export const KILL_SELF: Pick<Watching, 'tell' | 'kill'> = {
  tell: (boundary) => void writeSync(STDERR, `crossed ${boundary}\n`),
  kill(boundary) {
    writeSync(STDERR, `killed at ${boundary}\n`);
    process.kill(process.pid, 'SIGKILL');
  },
};

/**
 * Watches the boundaries `part.method:before` and `part.method:after` of every effect, so that tests can have a process
 * die at exactly one of them. A request to Stripe is called by its operation, since all of them are one method.
 */
export function watchBoundaries({ points, tell, kill }: Watching): Watch {
  const crossings = new Map<string, number>();
  const tells = points.some(({ boundary }) => boundary === 'tell');

  function cross(boundary: string, args: readonly unknown[], result?: unknown): void {
    const wanted = points.filter((point) => point.boundary === boundary);
    if (tells && !crossings.has(boundary)) tell(boundary);
    crossings.set(boundary, (crossings.get(boundary) ?? 0) + 1);
    for (const { nth, holding } of wanted) {
      const isMeant = holding === null || JSON.stringify([args, result]).includes(holding);
      if (isMeant && (crossings.get(boundary) ?? 0) >= nth) kill(boundary);
    }
  }

  return (name, part) =>
    new Proxy(part, {
      get(target, property) {
        const method: unknown = Reflect.get(target, property);
        if (typeof method !== 'function' || typeof property === 'symbol') return method;
        return async (...args: unknown[]): Promise<unknown> => {
          const boundary = `${name}.${operationOf(args[0]) ?? property}`;
          cross(`${boundary}:before`, args);
          const result: unknown = await Reflect.apply(method, target, args);
          cross(`${boundary}:after`, args, result);
          return result;
        };
      },
    });
}

/** Every part that has effects is watched, under its own name. */
export function watchAll<Parts extends Readonly<Record<string, object>>>(parts: Parts, watch: Watch): Parts {
  const entries = Object.entries(parts).map(([name, part]) => [
    name,
    WITHOUT_EFFECT.includes(name) ? part : watch(name, part),
  ]);
  return Object.fromEntries(entries) as Parts;
}

function operationOf(call: unknown): string | null {
  const operation: unknown =
    typeof call === 'object' && call !== null ? Reflect.get(call, 'operation') : null;
  return typeof operation === 'string' ? operation : null;
}
