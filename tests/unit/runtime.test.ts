import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { validateEnvironment } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';
import { openRuntime } from '../../src/runtime.ts';

test('a start that fails while the parts are put together leaves nothing connected to the queue', async () => {
  const sockets: Socket[] = [];
  const store = createServer((socket) => void sockets.push(socket.resume())).listen(0, '127.0.0.1');
  await once(store, 'listening');
  const { port } = store.address() as AddressInfo;
  const opening = openRuntime(
    validateEnvironment({}),
    {
      database: { url: 'no address', secretKey: 'not-a-key' },
      queue: { kind: 'redis', url: `redis://127.0.0.1:${port}` },
      stripe: { secretKey: 'sk_test_not-a-secret', apiBase: 'http://127.0.0.1:1', livemode: false },
      clock: { nowMs: () => Date.now() },
    },
    createLogger({ level: 'silent' }),
  ).catch((error: Error) => error.message);
  expect(await opening).toContain('Invalid');
  // A client that was left open is there before the last of these.
  for (let nth = 0; nth < 50; nth += 1) {
    const probe = connect(port, '127.0.0.1');
    await once(probe, 'connect');
    probe.destroy();
  }
  await vi.waitFor(() => expect(sockets.filter(({ closed }) => !closed)).toEqual([]));
  await new Promise((resolve) => store.close(resolve));
});
