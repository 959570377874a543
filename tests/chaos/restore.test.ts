import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { BACKENDS } from './backends.ts';
import { type Business, FIRST_DATE, NOON_MS, openBusiness } from './exchange.ts';
import { openGate } from './gate.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';

const run = promisify(execFile);

describe.each(BACKENDS)('fault 60: books set back to a backup, on %s', (backend) => {
  let house: ChaosHouse;
  let business: Business;
  beforeEach(async () => {
    house = await openChaosHouse({ backend, startMs: Date.parse(FIRST_DATE) + NOON_MS, lockMs: 2_000 });
    business = await openBusiness(house);
    await business.seed();
    return async () => {
      await business.close();
      await house.close();
    };
  });

  /** Stops database and queue, lets `work` at their files, and starts them again. */
  async function whileStopped(work: (files: string, backup: string) => Promise<unknown>): Promise<void> {
    await house.postgres.stop();
    house.redis?.signal('SIGKILL');
    await house.redis?.ended;
    await work(join(house.dataDir, 'database', 'cluster'), join(house.dataDir, 'backup-database'));
    if (backend === 'redis')
      await work(join(house.dataDir, 'redis', 'appendonlydir'), join(house.dataDir, 'backup-queue'));
    await house.restartPostgres();
    if (backend === 'redis') await house.restartRedis();
  }
  const backUp = () => whileStopped((files, backup) => run('cp', ['-a', files, backup]));
  const restore = () =>
    whileStopped(async (files, backup) => {
      await run('rm', ['-rf', files]);
      await run('cp', ['-a', backup, files]);
    });

  async function close(date: string): Promise<void> {
    const worker = house.start('worker');
    await worker.waitForLine('working');
    await business.startClose(date);
    await business.waitClosed(date);
    await business.waitIdle();
    worker.signal('SIGTERM');
    await worker.ended;
  }

  /** Backs up in mid-close, when the request is about to be made; then lets the close end. */
  async function closeWithBackupAt(date: string, request: string) {
    const gate = await openGate(house.platform.database.url);
    const worker = house.start('worker', { env: { SUPABASE_URL: gate.url } });
    await worker.waitForLine('working');
    const caught = gate.catchNext(request, 'hold');
    await business.startClose(date);
    await caught;
    worker.signal('SIGKILL');
    await worker.ended;
    await gate.close();
    await backUp();
    await close(date);
    return endOf(date);
  }

  /** How the money stands at Stripe once the date is closed. */
  async function endOf(date: string) {
    const { sent } = await business.effects(date);
    const charges = await countAtStripe('charge');
    const transfers = (await business.transfers()).map(({ id }) => id);
    expect(sent).toBeGreaterThan(2);
    expect(transfers).toHaveLength(sent);
    return { sent, charges, transfers };
  }

  async function countAtStripe(kind: string): Promise<number> {
    const { data } = (await house.control('GET', `/_sim/state?kind=${kind}`)) as { data: unknown[] };
    return data.length;
  }

  async function expectStopped(end: Awaited<ReturnType<typeof endOf>>): Promise<void> {
    expect((await business.transfers()).map(({ id }) => id)).toEqual(end.transfers);
    expect(await countAtStripe('charge')).toBe(end.charges);
    expect(await business.count('payouts')).toBe(0);
    const breaks = await business.sql<{ source: string }>(
      `select evidence ->> 'source' as source from reconciliation_breaks
       where state = 'open' and gates and kind = 'orphan_transfer'`,
    );
    expect(breaks.map(({ source }) => source).sort()).toEqual([...end.transfers].sort());
  }

  test('before the close: each buyer is charged once, the forgotten transfers are named, and payouts stay stopped', async () => {
    const date = await business.bringCalls(40);
    await backUp();
    await close(date);
    const end = await endOf(date);
    await restore();
    await close(date);
    await expectStopped(end);
    const next = await business.bringCalls(40);
    await close(next);
    expect(await business.count('payouts')).toBe(0);
    expect((await business.transfers()).map(({ id }) => id)).toEqual(end.transfers);
  });

  test('between the comparison and the plan: nothing is planned by a comparison that is hours old', async () => {
    const date = await business.bringCalls(40);
    const end = await closeWithBackupAt(date, 'rpc/plan_payouts');
    await restore();
    await business.sql("update reconciliation_runs set finished_at = finished_at - interval '6 hours'");
    await close(date);
    expect((await business.transfers()).map(({ id }) => id)).toEqual(end.transfers);
    expect(await business.count('payouts')).toBe(0);
    const next = await business.bringCalls(40);
    await close(next);
    expect(await business.count('payouts')).toBe(0);
    expect((await business.transfers()).map(({ id }) => id)).toEqual(end.transfers);
    const orphans = await business.count(
      "reconciliation_breaks where state = 'open' and kind = 'orphan_transfer'",
    );
    expect(orphans).toBe(end.sent);
  });

  test('before the payouts were sent: each is sent under its old key and adopted', async () => {
    const date = await business.bringCalls(40);
    const end = await closeWithBackupAt(date, 'rpc/claim_payout');
    await restore();
    await close(date);
    expect(await endOf(date)).toEqual(end);
    expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
  });

  test('before the payouts were sent, with keys that Stripe has forgotten: each is looked up first and adopted', async () => {
    const date = await business.bringCalls(40);
    const end = await closeWithBackupAt(date, 'rpc/claim_payout');
    await restore();
    await business.sql("update payouts set key_made_at = key_made_at - interval '24 hours'");
    await house.control('POST', '/_sim/keys/prune', { everything: true });
    await close(date);
    expect(await endOf(date)).toEqual(end);
    // The audit says that the books forgot the sending, and nothing else.
    expect((await house.audit()).failures).toEqual([expect.stringContaining('INV-13')]);
  });
});
