import { z } from 'zod';
import { nothing, type Rpc } from './rpc.ts';

export type EventSinksStore = ReturnType<typeof createEventSinksStore>;

/** Who is told of business events: what happens makes a piece of work for each of them. */
export function createEventSinksStore(rpc: Rpc) {
  return {
    /** These are told from now on; whom nobody has had for six hours is told nothing more. */
    ensure: (sinks: readonly { readonly name: string; readonly addressHash: string }[], nowMs: number) =>
      rpc('ensure_event_sinks', { p_sinks: sinks, p_now_ms: nowMs }, nothing),
    /** Whether another worker has it. */
    isWanted: (name: string) => rpc('event_sink_wanted', { p_name: name }, z.boolean()),
    /** It is told nothing more at this address. True when it still had it, and was not given up before. */
    giveUp: (name: string, addressHash: string, nowMs: number) =>
      rpc('give_up_event_sink', { p_name: name, p_address_hash: addressHash, p_now_ms: nowMs }, z.boolean()),
  };
}
