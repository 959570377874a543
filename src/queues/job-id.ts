import { createHash } from 'node:crypto';
import type { WorkRef } from '../integrations/supabase/work.ts';

const PLAIN = /^[A-Za-z0-9_.-]{1,80}$/;

/**
 * `<job>.<key>.<generation>`: while the queue remembers it, the same work is not added twice.
 *
 * A key with other characters, or a long one, stands as its SHA-256, because BullMQ refuses ids with a colon and
 * providers send us any string. Letters have the same id in their own queue.
 */
export function jobIdOf({ job, key, generation }: WorkRef): string {
  const safe = PLAIN.test(key) ? key : createHash('sha256').update(key).digest('hex');
  return `${job}.${safe}.${generation}`;
}
