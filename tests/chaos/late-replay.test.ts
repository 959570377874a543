import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dateAfter, dateOf } from '../../sandbox/demo/state.ts';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { connectQueues } from '../../src/queues/connection.ts';
import { jobIdOf } from '../../src/queues/job-id.ts';
import { BACKENDS } from './backends.ts';
import { type Business, eventually, NOON_MS, openBusiness } from './exchange.ts';
import { openGate } from './gate.ts';
import { type ChaosHouse, openChaosHouse } from './house.ts';

const DAY_MS = 24 * 3_600_000;
const NIGHTS = 3;
/** Missed nights are caught up for a week; the first of these is well within it. */
const FIRST_DATE = dateAfter(dateOf(Date.now()), -6);
const TRANSFER = 'POST /v1/transfers';

describe.each(BACKENDS)('what comes days late, on %s', (backend) => {
  let house: ChaosHouse;
  let business: Business;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: Date.parse(FIRST_DATE) + NOON_MS, lockMs: 2_000 });
    business = await openBusiness(house, FIRST_DATE);
    await business.seed();
  });
  afterAll(async () => {
    await business?.close();
    await house?.close();
  });

  async function startWorker(env: Record<string, string> = {}) {
    const worker = house.start('worker', { env });
    await worker.waitForLine('working');
    return worker;
  }

  async function expectEachOnce(): Promise<void> {
    const { sent, transfers, postings } = await business.effects();
    expect(sent).toBeGreaterThan(2);
    expect({ transfers, postings }).toEqual({ transfers: sent, postings: sent });
    expect(await house.audit()).toMatchObject({ ok: true, failures: [] });
  }

  test('fault 61: nights without a scheduler are each closed once, oldest first', async () => {
    const dates: string[] = [];
    for (let night = 0; night < NIGHTS; night += 1) dates.push(await business.bringCalls(30));
    const { schedules } = business.services;
    const dueMs = Date.parse(dates.at(-1) ?? '') + 2 * DAY_MS - 1;
    // Eight ticks at once, as when as many processes come back together.
    await Promise.all(Array.from({ length: 8 }, () => schedules.planRuns(dueMs, Date.now())));
    const worker = await startWorker();
    await business.waitClosed(dates.at(-1) ?? '');
    const closes = await business.sql<{ date: string; state: string }>(
      'select business_date::text as date, state from closes order by started_at, ended_at',
    );
    expect(closes).toEqual(dates.map((date) => ({ date, state: 'done' })));
    expect(await business.count("schedule_runs where pipeline = 'nightly-close'")).toBe(NIGHTS);
    await business.waitIdle();
    await expectEachOnce();
    worker.signal('SIGTERM');
    expect(await worker.ended).toBe(0);
  });

  test('fault 9: a dead payout of unknown outcome, replayed three days later, is looked up first and adopted', async () => {
    const stripe = await openGate(house.stripeUrl);
    const doomed = await startWorker({ STRIPE_API_BASE: stripe.url });
    const caught = stripe.catchNext(TRANSFER, 'hold-answer');
    const date = await business.bringCalls(40);
    await business.startClose(date);
    const transfer = await caught;
    const payoutId = new URLSearchParams(transfer.body).get('metadata[payout_id]') ?? '';
    doomed.signal('SIGKILL');
    await doomed.ended;
    await stripe.close();
    const ofPayout = async () =>
      (await business.transfers()).filter(({ metadata }) => metadata.payout_id === payoutId);
    const [made, ...more] = await ofPayout();
    expect(made).toBeDefined();
    expect(more).toEqual([]);

    await bury(payoutId);
    const worker = await startWorker();
    await business.waitClosed(date);
    await threeDaysPass(payoutId);
    const letters = await business.services.work.listDead({ afterId: null, limit: 10 });
    expect(letters).toMatchObject([{ job: 'payouts.pay-supplier', key: payoutId }]);
    const [dead] = letters;
    await business.letters.replay({ id: dead?.id ?? '', by: 'ops', reason: 'find its outcome' });
    await eventually(async () => {
      await business.sweep();
      const rows = await business.sql('select state, transfer_id from payouts where id = $1', [payoutId]);
      expect(rows).toEqual([{ state: 'sent', transfer_id: made?.id }]);
    });
    expect(await ofPayout()).toEqual([made]);
    await business.waitIdle();
    await expectEachOnce();
    worker.signal('SIGTERM');
    expect(await worker.ended).toBe(0);
  });

  /** What becomes of a job that lost its worker too often: its row is dead, and the queue gives it out no more. */
  async function bury(payoutId: string): Promise<void> {
    const [row] = await business.sql<{ item: WorkItem }>(
      "select app.work_json(w) as item from work w where job = 'payouts.pay-supplier' and key = $1",
      [payoutId],
    );
    if (row === undefined) throw new Error('The payout has no row of work.');
    const facts = { code: 'JOB_STALLED', message: 'lost too often', attempts: 9, durationMs: 0 } as const;
    const unseen = { tries: [], payloadVersion: 1 };
    expect(await business.letters.bury({ ...row.item, ...facts, ...unseen })).toBe(true);
    const connection = connectQueues(house.platform.queue, { role: 'producer' }, () => undefined);
    const queue = await connection.queue('payouts');
    await eventually(async () => {
      await queue.remove(jobIdOf(row.item));
      expect(await queue.getJobState(jobIdOf(row.item))).toBe('unknown');
    });
    await connection.close(1_000);
  }

  /** The database's clock cannot be moved, and none may differ from it: the payout's past moves away instead. */
  async function threeDaysPass(payoutId: string): Promise<void> {
    await business.sql(
      `update payouts set key_made_at = key_made_at - interval '3 days',
         last_sent_at = last_sent_at - interval '3 days' where id = $1`,
      [payoutId],
    );
    await house.control('POST', '/_sim/keys/prune', { everything: true });
  }
});
