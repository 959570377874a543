import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { type Listener, listen } from '../../src/http/listen.ts';
import { settledWithin } from '../../src/queues/deadline.ts';
import { createTestParts } from '../helpers/app.ts';
import { BODIES, signers } from '../helpers/senders.ts';

let server: Listener | null = null;

afterEach(async () => {
  await server?.close(1_000);
  server = null;
});

async function start(change: Parameters<typeof createTestParts>[0] = {}) {
  const { parts, ...seen } = createTestParts(change);
  server = await listen({ host: '127.0.0.1', port: 0 }, parts);
  return { server, ...seen };
}

/** A raw connection: what came back, and when it was closed, in milliseconds after it was opened. */
function dial(url: string, first: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const openedMs = performance.now();
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString();
  });
  // A server that cuts a connection may reset it; the close is what is waited for.
  socket.on('error', () => {});
  socket.write(first);
  const closed = once(socket, 'close').then(() => ({ received, afterMs: performance.now() - openedMs }));
  return { socket, closed };
}

const send = async (url: string) => {
  const { url: path, body, headers } = signers.callrail(BODIES.callrail);
  const answer = await fetch(`${url}${path}`, { method: 'POST', body: new Uint8Array(body), headers });
  return answer.status;
};

test('slow senders of headers and bodies are cut while good ones are served', async () => {
  const {
    server: { url },
  } = await start();
  const head = 'POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\n';
  const slow = Array.from({ length: 100 }, (_, at) =>
    dial(url, at % 2 === 0 ? head : `${head}content-length: 1000\r\n\r\n{`),
  );
  const drip = setInterval(() => {
    for (const { socket } of slow) if (socket.writable) socket.write('a');
  }, 500);
  let longestMs = 0;
  let finished = false;
  const cut = Promise.all(slow.map(({ closed }) => closed)).finally(() => {
    finished = true;
    clearInterval(drip);
  });
  while (!finished) {
    const begunMs = performance.now();
    expect(await send(url)).toBe(202);
    longestMs = Math.max(longestMs, performance.now() - begunMs);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const ends = await cut;
  expect(Math.max(...ends.map(({ afterMs }) => afterMs))).toBeLessThan(25_000);
  expect(
    ends.every(
      ({ received }) => received.startsWith('HTTP/1.1 408 ') && received.includes('REQUEST_INVALID'),
    ),
  ).toBe(true);
  // Long before any of the slow ones is cut, which is after ten seconds.
  expect(longestMs).toBeLessThan(5_000);
});

test('what is not HTTP, and headers above 16 KiB, are refused in the shape of all errors', async () => {
  const {
    server: { url },
  } = await start();
  const statusOf = async (text: string) => {
    const { received } = await dial(url, text).closed;
    expect(received).toContain('{"error":{"code":"REQUEST_INVALID"');
    return received.slice(0, 12);
  };
  expect(await statusOf('nonsense\r\n\r\n')).toBe('HTTP/1.1 400');
  expect(await statusOf(`GET /healthz HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)).toBe('HTTP/1.1 431');
  expect(await statusOf('GET /%ff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toBe('HTTP/1.1 400');
});

test('a body of 50 MiB is refused before it is read into memory', async () => {
  const {
    server: { url },
  } = await start();
  const beforeBytes = process.memoryUsage().rss;
  const { received } = await dial(
    url,
    'POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 52428800\r\n\r\n',
  ).closed;
  expect(received.slice(0, 12)).toBe('HTTP/1.1 413');
  expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(40_000_000);
});

test('a stop lets an answer under way go out, and cuts at its deadline what does not end', async () => {
  const stored = Promise.withResolvers<void>();
  const enqueueCallEvent = vi.fn(() => stored.promise);
  const running = await start({ enqueue: { enqueueCallEvent, enqueueStripeEvent: async () => {} } });
  const idle = dial(
    running.server.url,
    'POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{',
  );
  const answer = send(running.server.url);
  await vi.waitFor(() => expect(enqueueCallEvent).toHaveBeenCalled(), { timeout: 20_000 });
  const closed = running.server.close(400);
  stored.resolve();
  expect(await answer).toBe(202);
  expect(await settledWithin(Promise.all([closed, idle.closed]), 2_000)).toBe(true);
  await expect(send(running.server.url)).rejects.toThrow();
});
