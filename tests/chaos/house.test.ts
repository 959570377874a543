import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { BACKENDS } from './backends.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';

describe.each(BACKENDS)('real processes on %s', (backend) => {
  let house: ChaosHouse;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: Date.UTC(2026, 10, 2, 12) });
  });
  afterAll(async () => {
    await house?.close();
  });

  test('start, say that they are ready, and stop on SIGTERM with status 0', async () => {
    const server = house.start('server');
    const worker = house.start('worker');
    const scheduler = house.start('scheduler');
    await Promise.all([
      server.waitForLine('listening'),
      worker.waitForLine('working'),
      scheduler.waitForLine('scheduling'),
    ]);
    await vi.waitFor(async () => expect((await fetch(`${house.serverUrl}/readyz`)).status).toBe(200), 60_000);
    expect(await house.audit()).toMatchObject({ ok: true });
    for (const part of [server, worker, scheduler]) part.signal('SIGTERM');
    expect(await Promise.all([server.ended, worker.ended, scheduler.ended])).toEqual([0, 0, 0]);
  });
});
