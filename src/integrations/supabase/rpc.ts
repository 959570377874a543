import { z } from 'zod';
import type { Database } from './client.ts';

/** Calls one function of the database: one request, one transaction. Its answer is parsed before anybody reads it. */
export type Rpc = Database['rpc'];

/** Whole minor units that a number holds exactly. */
export const amountMinor = z.int();
/** Milliseconds since 1970. */
export const instantMs = z.int();
/** The answer of a function that has nothing to say. */
export const nothing = z.unknown().transform(() => undefined);
