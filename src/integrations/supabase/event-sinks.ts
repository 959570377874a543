import { z } from 'zod';
import { nothing, type Rpc } from './rpc.ts';

export type EventSinksStore = ReturnType<typeof createEventSinksStore>;

/** Who is told of business events: what happens makes a piece of work for each of them. */
export function createEventSinksStore(rpc: Rpc) {
  return {
    /** From now on exactly these are told. */
    ensure: (sinks: readonly { readonly name: string; readonly addressHash: string }[]) =>
      rpc('ensure_event_sinks', { p_sinks: sinks }, nothing),
    /** It is told nothing more until it has another address. True when it was not given up before. */
    giveUp: (name: string, nowMs: number) =>
      rpc('give_up_event_sink', { p_name: name, p_now_ms: nowMs }, z.boolean()),
  };
}
