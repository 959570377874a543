import { createClient, type RealtimeChannel, type SupabaseClient } from '@supabase/supabase-js';
import { z } from 'zod';
import { codeOf, PermanentError } from '../../errors.ts';
import type { Database as Schema } from './database.types.ts';

export type TableName = keyof Schema['public']['Tables'] & string;

export interface TableSubscription<Row> {
  readonly table: TableName;
  /** Of what a change names, the part that is used; unknown columns are let through unread. */
  readonly row: z.ZodType<Row>;
  /**
   * One row that was inserted or changed. It is a hint: it may come twice, late, or after a newer state of the same row. What
   * answers `read` is read for: of many such events, one reading after the one that is under way.
   */
  readonly onRow: (row: Row) => 'read' | void | Promise<'read' | undefined> | Promise<void>;
  /**
   * Reads what changed at `sinceMs` or later (null: everything), because realtime tells nothing again. Called at once, at each
   * join, after an event that could not be read, and every `pollMs` while realtime is away or a reading failed.
   */
  readonly reread: (sinceMs: number | null) => Promise<void>;
  /** Instead of the service's, between two readings that went well. */
  readonly pollMs?: number;
}

export interface RealtimeOptions {
  readonly url: string;
  readonly secretKey: string;
  /** False: there is no realtime server, and everything is polled. */
  readonly isOn: boolean;
  /** Told of each failure: of the stream, of an event, of whoever is told of it. */
  readonly onFailure: (failure: {
    readonly operation: string;
    readonly code: string;
    readonly error: unknown;
  }) => void;
  /** Told when a table's changes begin to come, and when they are polled instead. */
  readonly onLive?: (table: string, isLive: boolean) => void;
  /** The clock that rows are dated by, for the marks. Default: this machine's. */
  readonly nowMs?: () => number;
  /** Default 30,000. */
  readonly pollMs?: number;
  /** So often is read all the same while events come: a table that is not published sends none, and says nothing. Default 300,000. */
  readonly checkMs?: number;
  /** Of joining, leaving and a heartbeat's answer. Default 10,000. */
  readonly timeoutMs?: number;
  /** Default 25,000. */
  readonly heartbeatMs?: number;
  /** Before the n-th try to connect again. Default: 1, 2, 5, then each 10 seconds. */
  readonly reconnectAfterMs?: (tries: number) => number;
}

/** Read again before the mark: clocks differ, and what a long transaction wrote shows later than it is dated. */
const OVERLAP_MS = 60_000;
const LEAVE_MS = 1_000;

/** `[join_ref, ref, topic, event, payload]`: version 2 of the protocol of Phoenix channels. */
const frame = z.tuple([
  z.string().nullable(),
  z.string().nullable(),
  z.string(),
  z.string(),
  z.record(z.string(), z.unknown()),
]);

const changeSchema = z.object({
  eventType: z.enum(['INSERT', 'UPDATE', 'DELETE']),
  new: z.unknown(),
  errors: z.unknown(),
});

/** One table, with the type of its rows closed over. */
interface Held {
  readonly table: TableName;
  readonly onChange: (change: unknown) => Promise<void>;
  readonly reread: (sinceMs: number | null) => Promise<void>;
  readonly pollMs: number | undefined;
  channel: RealtimeChannel | null;
  isLive: boolean;
  /** Everything before it was read. */
  sinceMs: number | null;
  timer: NodeJS.Timeout | undefined;
  reading: Promise<void> | null;
  readAgain: boolean;
  /** The last reading failed: what an event was read for waits. */
  isBehind: boolean;
}

/**
 * Changes of tables as they happen, by Supabase's realtime; polled while it is away.
 *
 * Nothing is lost that a subscriber can read again: realtime has no replay, so each join is followed by a reading from the mark.
 * What one subscriber throws is told, and changes nothing for the others.
 */
export class RealtimeService {
  readonly #options: RealtimeOptions;
  #client: SupabaseClient<Schema> | null = null;
  readonly #held = new Map<TableName, Held>();

  constructor(options: RealtimeOptions) {
    this.#options = options;
  }

  /** Throws PermanentError REALTIME_SUBSCRIBED for a table that has a subscription. */
  subscribeToTable<Row>({ table, row, onRow, reread, pollMs }: TableSubscription<Row>): void {
    if (this.#held.has(table))
      throw new PermanentError('REALTIME_SUBSCRIBED', `Changes of ${table} have a subscriber.`);
    const held: Held = {
      ...{ table, reread, pollMs, channel: null, isLive: false, sinceMs: null },
      ...{ timer: undefined, reading: null, readAgain: false, isBehind: false },
      onChange: async (change) => {
        const { eventType, new: changed, errors } = changeSchema.parse(change);
        if (eventType === 'DELETE' || (errors ?? null) !== null) this.#readSoon(held);
        else if ((await onRow(row.parse(changed))) === 'read') this.#readSoon(held);
      },
    };
    this.#held.set(table, held);
    this.#join(held);
    this.#readSoon(held);
  }

  /** Resolves when nothing of it runs any more; with the last one the connection ends. */
  async unsubscribe(table: TableName): Promise<void> {
    const held = this.#held.get(table);
    if (held === undefined) return;
    this.#held.delete(table);
    clearTimeout(held.timer);
    if (this.#held.size === 0) await this.#disconnect();
    else await held.channel?.unsubscribe(LEAVE_MS);
    await held.reading;
  }

  isLive(table: TableName): boolean {
    return this.#held.get(table)?.isLive ?? false;
  }

  /** Leaves no timer and no socket. */
  async close(): Promise<void> {
    await Promise.all([...this.#held.keys()].map((table) => this.unsubscribe(table)));
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client === null) return;
    for (const channel of client.getChannels()) channel.teardown();
    // The library's own way to disconnect leaves a timer of ten seconds behind; its socket's leaves none.
    const { socketAdapter } = client.realtime as unknown as {
      socketAdapter: { getSocket(): { disconnect(done: () => void): void } };
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    socketAdapter.getSocket().disconnect(resolve);
    await promise;
  }

  #isHeld(held: Held): boolean {
    return this.#held.get(held.table) === held;
  }

  #join(held: Held): void {
    const { table } = held;
    if (!this.#options.isOn) return;
    this.#client ??= openClient(this.#options);
    const channel = this.#client.channel(`callclear-${table}`, {
      // Joined is told only when changes come: a reading after that has no hole before the first event.
      config: { postgres_changes_options: { wait: true } },
    });
    held.channel = channel;
    const isCurrent = () => this.#isHeld(held) && held.channel === channel;
    channel
      .on('postgres_changes', { event: '*', schema: 'public', table }, (change) => {
        if (isCurrent()) this.#tell(held, change);
      })
      .subscribe((status, error) => {
        if (!isCurrent()) return;
        const isLive = status === 'SUBSCRIBED';
        if (!isLive) this.#failed('subscribe', `REALTIME_${status}`, error);
        // A channel that is closed for good never joins again; the next poll opens another.
        if (status === 'CLOSED') held.channel = null;
        this.#setLive(held, isLive);
        if (isLive) this.#readSoon(held);
      });
  }

  #setLive(held: Held, isLive: boolean): void {
    if (held.isLive === isLive) return;
    held.isLive = isLive;
    this.#options.onLive?.(held.table, isLive);
    this.#schedule(held);
  }

  /** An event that cannot be read, or that its subscriber fails at, is made up for by reading. */
  #tell(held: Held, change: unknown): void {
    held.onChange(change).catch((error: unknown) => {
      this.#failed(
        'event',
        error instanceof z.ZodError ? 'ANSWER_INVALID' : codeOf(error, 'INTERNAL'),
        error,
      );
      this.#readSoon(held);
    });
  }

  #readSoon(held: Held): void {
    if (!this.#isHeld(held)) return;
    if (held.reading !== null) {
      held.readAgain = true;
      return;
    }
    held.reading = this.#read(held).finally(() => {
      held.reading = null;
      this.#schedule(held);
      if (held.readAgain) {
        held.readAgain = false;
        this.#readSoon(held);
      }
    });
  }

  async #read(held: Held): Promise<void> {
    const { nowMs = Date.now } = this.#options;
    const startedMs = nowMs();
    try {
      await held.reread(held.sinceMs);
      held.sinceMs = startedMs - OVERLAP_MS;
      held.isBehind = false;
    } catch (error) {
      held.isBehind = true;
      this.#failed('reread', codeOf(error, 'INTERNAL'), error);
    }
  }

  #schedule(held: Held): void {
    clearTimeout(held.timer);
    if (!this.#isHeld(held)) return;
    const { pollMs = 30_000, checkMs = 300_000 } = this.#options;
    const usualMs = held.isLive ? checkMs : (held.pollMs ?? pollMs);
    held.timer = setTimeout(
      () => {
        if (held.channel === null) this.#join(held);
        this.#readSoon(held);
      },
      held.isBehind ? pollMs : usualMs,
    );
  }

  #failed(operation: string, code: string, error: unknown): void {
    this.#options.onFailure({ operation, code, error });
  }
}

function openClient(options: RealtimeOptions): SupabaseClient<Schema> {
  const { url, secretKey, onFailure, timeoutMs = 10_000, heartbeatMs = 25_000, reconnectAfterMs } = options;
  return createClient<Schema>(url, secretKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    realtime: {
      timeout: timeoutMs,
      heartbeatIntervalMs: heartbeatMs,
      ...(reconnectAfterMs === undefined ? {} : { reconnectAfterMs }),
      // The library reads a message in a handler of the socket: what is thrown there would end the process.
      decode: (payload, callback) => {
        try {
          const [join_ref, ref, topic, event, content] = frame.parse(JSON.parse(String(payload)));
          callback({ join_ref, ref, topic, event, payload: content });
        } catch (error) {
          onFailure({ operation: 'message', code: 'ANSWER_INVALID', error });
        }
      },
    },
  });
}
