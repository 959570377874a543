import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeProcess } from '../../sandbox/database/processes.ts';
import { BACKENDS } from './backends.ts';
import { type Business, eventually, FIRST_DATE, NOON_MS, openBusiness } from './exchange.ts';
import { openGate } from './gate.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';

/** What every writer of money waits for; see app.lock_ledger. */
const LEDGER_LOCK = 741_063;

describe.each(BACKENDS)('the database under a queue on %s', (backend) => {
  let house: ChaosHouse;
  let business: Business;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: Date.parse(FIRST_DATE) + NOON_MS, lockMs: 2_000 });
    business = await openBusiness(house);
    await business.seed();
  });
  afterAll(async () => {
    await business?.close();
    await house?.close();
  });

  async function expectEachOnce(date: string): Promise<void> {
    const { sent, transfers, postings } = await business.effects(date);
    expect(sent).toBeGreaterThan(2);
    expect({ transfers, postings }).toEqual({ transfers: sent, postings: sent });
    expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
  }

  /** Ends the server while a transaction that records money waits in it. */
  async function endInTransaction(recording: string, signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const holder = new pg.Client({ connectionString: house.postgres.adminUrl });
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query('select pg_advisory_lock($1)', [LEDGER_LOCK]);
    const date = await business.bringCalls(40);
    const gate = await openGate(house.platform.database.url);
    const worker = house.start('worker', { env: { SUPABASE_URL: gate.url } });
    const recorded = gate.catchNext(`rpc/${recording}`, 'hold');
    await worker.waitForLine('working');
    await business.startClose(date);
    await holder.query('select pg_advisory_unlock($1)', [LEDGER_LOCK]);
    const record = await recorded;
    await holder.query('select pg_advisory_lock($1)', [LEDGER_LOCK]);
    record.release();
    // On a failure the answer shows what the sessions did instead.
    await eventually(async () =>
      expect(await sessions()).toContainEqual({
        waits_for: 'advisory',
        query: expect.stringContaining(recording),
      }),
    );

    const pidFile = join(house.dataDir, 'database', 'cluster', 'postmaster.pid');
    const pid = Number((await readFile(pidFile, 'utf8')).split('\n')[0]);
    process.kill(pid, signal);
    await eventually(async () => expect(await describeProcess(pid)).toBeNull());
    await house.restartPostgres();
    await business.waitClosed(date);
    await business.waitIdle();
    await expectEachOnce(date);
    worker.signal('SIGTERM');
    expect(await worker.ended).toBe(0);
    await gate.close();
  }

  test('fault 51: restarted fast in mid-transaction, keeps all of it or nothing, and the work goes on', () =>
    endInTransaction('settle_payout', 'SIGINT'));

  test('fault 51: restarted at once in mid-transaction, keeps all of it or nothing, and the work goes on', () =>
    endInTransaction('record_invoice_state', 'SIGQUIT'));

  test('fault 56: that takes no writes stops all sends to Stripe, and they go on when it does again', async () => {
    const gate = await openGate(house.platform.database.url);
    const worker = house.start('worker', { env: { SUPABASE_URL: gate.url } });
    await worker.waitForLine('working');
    const date = await business.bringCalls(40);
    const noting = gate.catchNext('rpc/note_payout_send', 'hold');
    await business.startClose(date);
    const note = await noting;
    await setReadOnly(true);
    note.release();
    // What is told so often has been tried for more than one payout, or again.
    await eventually(() =>
      expect(worker.lines.filter((line) => line.includes('DATABASE_UNAVAILABLE')).length).toBeGreaterThan(4),
    );
    // Others may have been written down just before; what could not be is not at Stripe.
    const noted = await business.sql<{ id: string }>('select id from payouts where last_sent_at is not null');
    const ids = noted.map(({ id }) => id);
    const unnoted = (await business.transfers()).filter(
      ({ metadata }) => !ids.includes(metadata.payout_id ?? ''),
    );
    expect(unnoted).toEqual([]);
    expect(note.body).not.toBe('');
    expect(ids).not.toContain((JSON.parse(note.body) as { p_payout_id: string }).p_payout_id);
    await setReadOnly(false);
    await business.waitClosed(date);
    await expectEachOnce(date);
    worker.signal('SIGTERM');
    expect(await worker.ended).toBe(0);
    await gate.close();
  });

  function sessions(): Promise<{ waits_for: string | null; query: string }[]> {
    return business.sql(
      `select wait_event as waits_for, query from pg_stat_activity
       where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
  }

  async function setReadOnly(isReadOnly: boolean): Promise<void> {
    await business.sql(
      isReadOnly
        ? 'alter system set default_transaction_read_only = on'
        : 'alter system reset default_transaction_read_only',
    );
    await business.sql('select pg_reload_conf()');
    if (!isReadOnly) return;
    // A session reads its settings again when it pleases; new ones have them from their start.
    await eventually(async () => {
      const client = new pg.Client({ connectionString: house.postgres.adminUrl });
      await client.connect();
      const { rows } = await client.query('show default_transaction_read_only');
      await client.end();
      expect(rows).toEqual([{ default_transaction_read_only: 'on' }]);
    });
    await business.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator'",
    );
  }
});
