/**
 * Moves the clock of the process that preloads it (`node --import`): by CLOCK_SHIFT_MS, or by what the file
 * CLOCK_SHIFT_FILE holds, which is read again all the time, so that a clock can jump while the process runs. Only the
 * wall clock moves: timers and `performance.now` go on as before, as when a machine's clock is set.
 */
import { readFileSync } from 'node:fs';

const { CLOCK_SHIFT_MS = '0', CLOCK_SHIFT_FILE } = process.env;
const REREAD_MS = 50;
const RealDate = globalThis.Date;
const realNow = RealDate.now;
let shiftMs = Number(CLOCK_SHIFT_MS);

const shiftedNow = () => realNow() + shiftMs;

if (CLOCK_SHIFT_FILE !== undefined) {
  const reread = () => {
    shiftMs = Number(readFileSync(CLOCK_SHIFT_FILE, 'utf8'));
  };
  reread();
  setInterval(reread, REREAD_MS).unref();
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [shiftedNow()] : args, newTarget),
  apply: () => new RealDate(shiftedNow()).toString(),
  get: (target, key) => (key === 'now' ? shiftedNow : Reflect.get(target, key)),
});
