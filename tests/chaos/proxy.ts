import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A TCP proxy that fails on purpose.
 *
 * pass: as if it were not there; cut: connections are reset and new ones refused; freeze: bytes wait in both directions;
 * swallow: the server hears everything, its answers are lost.
 */
export type ProxyMode = 'pass' | 'cut' | 'freeze' | 'swallow';

export interface FaultProxy {
  readonly port: number;
  readonly mode: ProxyMode;
  setMode(mode: ProxyMode): void;
  /** Each chunk waits so long, in both directions. */
  setDelayMs(delayMs: number): void;
  /** Resets every connection that is open now; new ones are served. */
  resetAll(): void;
  close(): Promise<void>;
}

export async function startProxy(targetPort: number): Promise<FaultProxy> {
  let mode: ProxyMode = 'pass';
  let delayMs = 0;
  const open = new Set<Socket>();
  const held: (() => void)[] = [];

  function forward(from: Socket, to: Socket, isAnswer: boolean): void {
    const delayed: (() => void)[] = [];
    from.on('data', (chunk) => {
      const deliver = () => {
        if (mode === 'freeze') held.push(deliver);
        else if (!(mode === 'swallow' && isAnswer) && to.writable) to.write(chunk);
      };
      // What comes after the delay has ended must not overtake what still waits: TCP keeps the order.
      if (delayMs === 0 && delayed.length === 0) {
        deliver();
        return;
      }
      delayed.push(deliver);
      setTimeout(() => delayed.shift()?.(), delayMs);
    });
  }

  const server = createServer((client) => {
    if (mode === 'cut') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('end', () => other.end());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
    forward(client, upstream, false);
    forward(upstream, client, true);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const resetAll = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get mode() {
      return mode;
    },
    setMode(next) {
      mode = next;
      if (next === 'cut') resetAll();
      if (next !== 'freeze') for (const deliver of held.splice(0)) deliver();
    },
    setDelayMs(next) {
      delayMs = next;
    },
    resetAll,
    async close() {
      resetAll();
      server.close();
      await once(server, 'close');
    },
  };
}
