import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BACKENDS } from './backends.ts';
import { type Business, eventually, FIRST_DATE, NOON_MS, openBusiness } from './exchange.ts';
import { type Gate, openGate } from './gate.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';
import type { Managed } from './processes.ts';

const LOCK_MS = 2_000;
/** Longer than several locks. */
const BLOCK_MS = 5 * LOCK_MS;
const TRANSFER = 'POST /v1/transfers';

describe.each(BACKENDS)('a writer that is late, on %s', (backend) => {
  let house: ChaosHouse;
  let business: Business;
  let stripe: Gate;
  let api: Gate;
  beforeAll(async () => {
    const startMs = Date.parse(FIRST_DATE) + NOON_MS;
    house = await openChaosHouse({ backend, startMs, lockMs: LOCK_MS });
    [stripe, api] = await Promise.all([openGate(house.stripeUrl), openGate(house.platform.database.url)]);
    business = await openBusiness(house);
    await business.seed();
  });
  afterAll(async () => {
    await business?.close();
    await house?.close();
    await Promise.all([stripe?.close(), api?.close()]);
  });

  async function startWorker(name: string): Promise<Managed> {
    const env = {
      STRIPE_API_BASE: stripe.url,
      SUPABASE_URL: api.url,
      BLOCK_MS: `${BLOCK_MS}`,
      LOG_LEVEL: 'debug',
    };
    const nodeFlags = ['--import', './tests/chaos/block-shim.mjs'];
    const worker = house.start('worker', { name, env, nodeFlags });
    await worker.waitForLine('working');
    return worker;
  }

  async function stop(...workers: Managed[]): Promise<void> {
    for (const worker of workers) worker.signal('SIGTERM');
    await Promise.all(workers.map(({ ended }) => ended));
  }

  /** Only the first worker runs until its first transfer stands at Stripe and the answer is on its way back. */
  async function untilTransferStands(first: Managed) {
    const caught = stripe.catchNext(TRANSFER, 'hold-answer');
    const date = await business.bringCalls(40);
    await business.startClose(date);
    const transfer = await caught;
    expect(transfer.status).toBe(200);
    const payoutId = new URLSearchParams(transfer.body).get('metadata[payout_id]') ?? '';
    expect(first.isAlive()).toBe(true);
    return { date, transfer, payoutId };
  }

  async function expectPaidOnce(date: string): Promise<void> {
    const { sent, transfers, postings } = await business.effects(date);
    expect(sent).toBeGreaterThan(2);
    expect({ transfers, postings }).toEqual({ transfers: sent, postings: sent });
    expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
  }

  test('fault 41: a worker that was stopped for several locks between the answer and its record changes nothing', async () => {
    const first = await startWorker('first');
    const { date, transfer, payoutId } = await untilTransferStands(first);
    first.signal('SIGSTOP');
    transfer.release();
    const second = await startWorker('second');
    await eventually(async () =>
      expect(await business.sql('select state from payouts where id = $1', [payoutId])).toEqual([
        { state: 'sent' },
      ]),
    );
    first.signal('SIGCONT');
    await first.waitForLine('TOKEN_STALE', 60_000);
    await business.waitClosed(date);
    await expectPaidOnce(date);
    await stop(first, second);
  });

  test('fault 40: a worker whose event loop was blocked for several locks changes nothing', async () => {
    const first = await startWorker('first');
    const { date, transfer, payoutId } = await untilTransferStands(first);
    first.signal('SIGUSR2');
    transfer.release();
    const second = await startWorker('second');
    await eventually(async () =>
      expect(await business.sql('select state from payouts where id = $1', [payoutId])).toEqual([
        { state: 'sent' },
      ]),
    );
    await first.waitForLine('TOKEN_STALE', 60_000);
    await business.waitClosed(date);
    await expectPaidOnce(date);
    await stop(first, second);
  });

  test('fault 52: what was committed and not answered is read again and done once', async () => {
    const worker = await startWorker('first');
    const lost = [
      'rate_calls',
      'record_invoice_issued',
      'record_invoice_state',
      'plan_payouts',
      'settle_payout',
    ];
    const caught = lost.map((name) => api.catchNext(`rpc/${name}`, 'lose-answer'));
    const date = await business.bringCalls(40);
    await eventually(async () => expect(await business.count("calls where status = 'stored'")).toBe(0));
    await business.startClose(date);
    await business.waitClosed(date);
    const statuses = (await Promise.all(caught)).map(({ status }) => status);
    expect(statuses).toEqual(lost.map(() => 200));
    await business.waitIdle();
    await expectPaidOnce(date);
    await stop(worker);
  });
});
