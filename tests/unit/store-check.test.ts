import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkQueueStore } from '../../src/queues/store-check.ts';

const ANSWER_MS = 1_000;
/** What PostgreSQL says to whoever may come in: AuthenticationOk and ReadyForQuery. */
const COME_IN = Buffer.from([...[0x52, 0, 0, 0, 8, 0, 0, 0, 0], ...[0x5a, 0, 0, 0, 5, 0x49]]);

let server: Server;
let sockets: Socket[];
let greeting: Buffer | null;

beforeEach(async () => {
  [sockets, greeting] = [[], null];
  server = createServer((socket) => {
    sockets.push(socket);
    socket.resume();
    if (greeting !== null) socket.once('data', () => socket.write(greeting ?? ''));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

describe('a store that accepts a connection and says nothing', () => {
  test.each([
    ['redis', 'from the start', 'redis://here', null],
    ['postgres', 'from the start', 'postgres://me@here/queue', null],
    ['postgres', 'once it let us in', 'postgres://me@here/queue', COME_IN],
  ] as const)('is told in time and let go of: %s, %s', async (kind, _when, url, says) => {
    greeting = says;
    const { port } = server.address() as AddressInfo;
    const backend = { kind, url: url.replace('here', `127.0.0.1:${port}`) };
    const fromMs = performance.now();
    await expect(checkQueueStore(backend, { strict: true, answerMs: ANSWER_MS })).rejects.toMatchObject({
      code: 'QUEUE_UNAVAILABLE',
    });
    expect(performance.now() - fromMs).toBeLessThan(ANSWER_MS + 1_000);
    await expect.poll(() => sockets.map(({ closed }) => closed), { timeout: 4_000 }).toEqual([true]);
  });
});
