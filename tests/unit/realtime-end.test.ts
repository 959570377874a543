import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { watchBreaks } from '../../src/break-alerts.ts';
import { RealtimeService } from '../../src/integrations/supabase/realtime.ts';
import { type RealtimeServer, startRealtimeServer } from '../helpers/realtime-server.ts';

const TABLE = 'reconciliation_breaks';

let server: RealtimeServer;
beforeEach(async () => {
  server = await startRealtimeServer();
});
afterEach(() => server.stop());

const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });

test('people are told of a break as soon as it is found, without waiting for the next look', async () => {
  let open = 0;
  const reports: string[] = [];
  const found = {
    identity: 'movement:txn_1',
    kind: 'amount',
    currency: 'usd',
    amountMinor: 7,
    firstSeenMs: 0,
  };
  const breaks = { takeToTell: async () => Array.from({ length: open }, () => found) };
  const watching = watchBreaks({
    services: { breaks, clock: { nowMs: () => 0 } } as unknown as Parameters<
      typeof watchBreaks
    >[0]['services'],
    log: pino({ level: 'silent' }),
    reporter: { report: (_failure, { key }) => void reports.push(key), flush: async () => true },
  });
  const service = new RealtimeService({
    ...{ url: server.url, secretKey: 'not-a-key', isOn: true, onFailure: () => undefined },
    // Nothing is polled meanwhile.
    ...{ pollMs: 3_600_000, checkMs: 3_600_000 },
  });
  service.subscribeToTable(watching);
  await soon(() => expect(service.isLive(TABLE)).toBe(true));
  open = 1;
  server.change(TABLE, {
    type: 'INSERT',
    record: { state: 'explained' },
    columns: [{ name: 'state', type: 'text' }],
  });
  server.change(TABLE, {
    type: 'INSERT',
    record: { state: 'open' },
    columns: [{ name: 'state', type: 'text' }],
  });
  await soon(() => expect(reports).toEqual(['movement:txn_1']));
  await service.close();
});

describe('its end', () => {
  const script = (url: string, end: string) => `
    import { RealtimeService } from '${import.meta.dirname}/../../src/integrations/supabase/realtime.ts';
    import { z } from 'zod';
    let live;
    const lives = new Promise((resolve) => { live = resolve; });
    const service = new RealtimeService({ url: '${url}', secretKey: 'k', isOn: true, onFailure() {}, onLive: live });
    const one = { row: z.unknown(), onRow() {}, reread: async () => {} };
    service.subscribeToTable({ ...one, table: 'closes' });
    service.subscribeToTable({ ...one, table: 'calls' });
    ${end}
    await service.close();
    const closedMs = performance.now();
    process.on('exit', () => console.log(performance.now() - closedMs < 5_000 ? 'ended' : 'lingered'));
  `;
  const run = (text: string) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', text], { timeout: 30_000 });

  test.each([
    ['joined', 'await lives;'],
    ['still connecting', ''],
  ])(
    'a process that closes it while it is %s ends by itself: no timer and no socket is left',
    async (_when, end) => {
      const { stdout } = await run(script(server.url, end));
      expect(stdout).toBe('ended\n');
      await soon(() => expect(server.connections()).toBe(0));
    },
  );

  test('so does one whose server is gone, or answers nothing', async () => {
    const gone = await startRealtimeServer();
    await gone.stop();
    expect((await run(script(gone.url, ''))).stdout).toBe('ended\n');
    server.behaves.answers = false;
    expect((await run(script(server.url, ''))).stdout).toBe('ended\n');
  });
});
