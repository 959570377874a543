import { join } from 'node:path';
import { z } from 'zod';
import { openDurableFile } from '../traffic/progress.ts';
import type { DemoOptions } from './options.ts';

const schema = z.strictObject({
  seed: z.int(),
  calls: z.int(),
  fraudShare: z.number(),
  redis: z.boolean(),
  /** The first business date, fixed at the first start. */
  firstDate: z.iso.date(),
  /** The exchange stands at Stripe and in the database. */
  seeded: z.boolean(),
});
export type DemoState = z.infer<typeof schema>;

const DAY_MS = 86_400_000;
/** Three days with calls, and a quiet one whose close pays what the second day earned: the last ends today. */
const FIRST_DAY_AGO = 4;

export const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** The n-th date after another. */
export const dateAfter = (date: string, days: number) => dateOf(Date.parse(date) + days * DAY_MS);

/**
 * What a data directory was started with. Throws when it holds a demo of other calls: those would be mixed up.
 */
export async function openState(dataDir: string, options: DemoOptions, todayMs: number) {
  const file = openDurableFile(join(dataDir, 'demo.json'), schema);
  const { seed, calls, fraudShare, redis } = options;
  const wanted = { seed, calls, fraudShare, redis };
  const firstDate = dateAfter(dateOf(todayMs), -FIRST_DAY_AGO);
  const held = await file.read();
  if (held === null) {
    const state: DemoState = { ...wanted, firstDate, seeded: false };
    await file.write(state);
    return { file, state };
  }
  const differs = (Object.keys(wanted) as (keyof typeof wanted)[]).filter((key) => held[key] !== wanted[key]);
  if (differs.length > 0) {
    const told = differs.map((key) => `${key} ${held[key]}, not ${wanted[key]}`).join('; ');
    throw new Error(`${dataDir} holds another demo: ${told}.`);
  }
  return { file, state: held };
}
