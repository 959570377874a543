import { z } from 'zod';
import type { Database } from '../../src/integrations/supabase/client.ts';

export type Call = (name: string, args: Record<string, unknown>, answer?: z.ZodType) => Promise<unknown>;

/** Calls functions that exist in a test's database only, which the generated types do not know. */
export function callOf(database: Database): Call {
  const rpc = database.rpc as unknown as (...all: unknown[]) => Promise<unknown>;
  return (name, args, answer = z.unknown()) => rpc(name, args, answer);
}

/** What the work throws; null when it throws nothing. */
export function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}
