import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

const message = z.tuple([z.string().nullable(), z.string().nullable(), z.string(), z.string(), z.unknown()]);
const joinPayload = z.object({
  config: z.object({
    postgres_changes: z.array(z.object({ event: z.string(), schema: z.string(), table: z.string() })),
  }),
});

interface Joined {
  readonly socket: WebSocket;
  readonly topic: string;
  readonly joinRef: string | null;
  readonly tables: readonly string[];
}

export interface Change {
  readonly type?: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly record: Record<string, unknown>;
  readonly columns?: readonly { readonly name: string; readonly type: string }[];
  readonly errors?: readonly string[];
}

export type RealtimeServer = Awaited<ReturnType<typeof startRealtimeServer>>;

/**
 * Speaks the protocol of Phoenix channels, version 2, as Supabase's realtime does for changes of tables: joins, replies,
 * heartbeats and the changes themselves. It knows no database: a test says what changed.
 */
export async function startRealtimeServer(port = 0) {
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  await once(server, 'listening');
  const at = server.address() as AddressInfo;
  let joined: Joined[] = [];
  const seen = { joins: 0, heartbeats: 0, keys: new Set<string | null>() };
  const behaves = { answers: true, refusesJoins: false };

  function join(socket: WebSocket, joinRef: string | null, topic: string, payload: unknown): unknown {
    seen.joins += 1;
    if (behaves.refusesJoins) return { status: 'error', response: { reason: 'Unauthorized' } };
    const { postgres_changes: wanted } = joinPayload.parse(payload).config;
    joined.push({ socket, topic, joinRef, tables: wanted.map(({ table }) => table) });
    return {
      status: 'ok',
      response: { postgres_changes: wanted.map((one, id) => ({ ...one, id: id + 1 })) },
    };
  }

  server.on('connection', (socket, request) => {
    seen.keys.add(new URL(request.url ?? '', 'ws://here').searchParams.get('apikey'));
    socket.on('close', () => {
      joined = joined.filter((one) => one.socket !== socket);
    });
    socket.on('message', (data) => {
      if (!behaves.answers) return;
      const [joinRef, ref, topic, event, payload] = message.parse(JSON.parse(String(data)));
      const reply = (content: unknown) =>
        socket.send(JSON.stringify([joinRef, ref, topic, 'phx_reply', content]));
      if (event === 'phx_join') reply(join(socket, joinRef, topic, payload));
      else if (event === 'heartbeat') {
        seen.heartbeats += 1;
        reply({ status: 'ok', response: {} });
      } else if (event === 'phx_leave') {
        joined = joined.filter((one) => one.topic !== topic);
        reply({ status: 'ok', response: {} });
      }
    });
  });

  const subscribersOf = (table: string) => joined.filter(({ tables }) => tables.includes(table));
  return {
    url: `http://127.0.0.1:${at.port}`,
    port: at.port,
    seen,
    behaves,
    isJoined: (table: string) => subscribersOf(table).length > 0,
    /** Sends one change to whoever subscribed to the table. */
    change(table: string, { type = 'UPDATE', record, columns = [], errors }: Change): void {
      for (const { socket, topic, joinRef } of subscribersOf(table)) {
        const data = {
          ...{ schema: 'public', table, type, commit_timestamp: '2026-11-02T12:00:00Z', columns, record },
          ...{ old_record: {}, errors: errors ?? null },
        };
        socket.send(JSON.stringify([joinRef, null, topic, 'postgres_changes', { ids: [1], data }]));
      }
    },
    /** Sends an event of the channel itself, such as `phx_close`. */
    event(table: string, event: string, payload: unknown): void {
      for (const { socket, topic, joinRef } of subscribersOf(table))
        socket.send(JSON.stringify([joinRef, null, topic, event, payload]));
    },
    /** Sends a text as it is to everybody. */
    say(text: string): void {
      for (const socket of server.clients) socket.send(text);
    },
    /** Ends every connection without a word; new ones are taken. */
    drop(): void {
      for (const socket of server.clients) socket.terminate();
    },
    connections: () => server.clients.size,
    async stop(): Promise<void> {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
