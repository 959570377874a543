import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeTransfers } from '../../src/integrations/stripe/transfers.ts';
import type { StripeTurns } from '../../src/integrations/stripe/turns.ts';
import { createStripeTurns } from '../../src/integrations/supabase/turns.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { options, SECRET_KEY, startSimulator } from '../helpers/stripe.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());
beforeEach(() => db.sql('delete from stripe_turns'));

const signal = () => new AbortController().signal;
const FAST = { perS: 1_000, operationPerS: 1_000 };
const pauseMs = async () =>
  (await db.sql<{ pause_ms: number }>('select pause_ms from stripe_turns order by line')).map(
    ({ pause_ms }) => pause_ms,
  );
const timed = async <T>(work: () => Promise<T>) => {
  const startMs = performance.now();
  const result = await work();
  return { result, ms: performance.now() - startMs };
};
/** Sets the end of the pause, however slow this machine is. */
const pauseFor = (interval: string) =>
  db.sql("update stripe_turns set paused_until = clock_timestamp() + $1::interval where line = 'all'", [
    interval,
  ]);

describe('the line in front of Stripe', () => {
  test('is one for all processes: together they keep the rate, whoever asks', async () => {
    const two = [1, 2].map(() => createStripeTurns(db.database.rpc, { perS: 1_000, operationPerS: 40 }));
    const thirty = (turns: StripeTurns) =>
      Array.from({ length: 30 }, () => turns.take('transfers.create', signal()));
    // Half a second's requests go at once, the other forty take one second.
    const { result, ms } = await timed(() => Promise.all(two.flatMap(thirty)));
    expect(ms).toBeGreaterThan(900);
    expect(result.every(Boolean)).toBe(true);
  });

  test('counts all requests together, and each operation for itself', async () => {
    const turns = createStripeTurns(db.database.rpc, { perS: 40, operationPerS: 1_000 });
    const names = ['transfers.create', 'invoices.pay', 'refunds.retrieve'];
    const { ms } = await timed(() =>
      Promise.all(Array.from({ length: 60 }, (_, n) => turns.take(names[n % 3] ?? '', signal()))),
    );
    expect(ms).toBeGreaterThan(900);
  });

  test('is not waited in for long: the request is not sent, and takes no place', async () => {
    const turns = createStripeTurns(db.database.rpc, { perS: 1_000, operationPerS: 1 });
    const taken = await Promise.all(
      Array.from({ length: 12 }, () => turns.take('transfers.create', signal())),
    );
    expect(taken.filter(Boolean).length).toBeLessThan(12);
    expect(taken.filter(Boolean).length).toBeGreaterThan(4);
    const [line] = await db.sql<{ ahead: number }>(
      "select extract(epoch from due_at - clock_timestamp())::int as ahead from stripe_turns where line = 'transfers.create'",
    );
    expect(line?.ahead).toBeLessThan(4);
  });

  test('is left when the job is given up', async () => {
    const turns = createStripeTurns(db.database.rpc, FAST);
    await turns.pause('all');
    await pauseFor('4 seconds');
    const given = AbortSignal.timeout(100);
    expect(await turns.take('transfers.create', given)).toBe(false);
  });

  test('that cannot be read lets nothing through', async () => {
    const away = () => Promise.reject(new Error('away'));
    expect(await createStripeTurns(away, FAST).take('transfers.create', signal())).toBe(false);
  });
});

describe("a refusal by Stripe's limiter", () => {
  async function send(kind: 'rate-limit' | 'lock-timeout') {
    const simulator = await startSimulator();
    const turns = createStripeTurns(db.database.rpc, FAST);
    const client = createStripeClient({
      ...{ secretKey: SECRET_KEY, apiBase: new URL(simulator.url), livemode: false, timeoutMs: 5_000, turns },
      onFailure: () => undefined,
    });
    simulator.faults.add({ kind });
    const frozen = {
      ...{ payoutId: 'po-1', generation: 0, amountMinor: 100, currency: 'usd' as const },
      ...{ destination: 'acct_1', description: 'September' },
    };
    const result = await createStripeTransfers(client).send(frozen, options());
    return { result, turns };
  }

  test('pauses every process for a second, and twice as long when it comes again', async () => {
    const { result, turns } = await send('rate-limit');
    expect(result).toMatchObject({ kind: 'wait', reason: 'rate_limit' });
    // Many that are refused at once are one refusal.
    await pauseFor('1 minute');
    await turns.pause('all');
    expect(await pauseMs()).toContain(1_000);
    await pauseFor('1 second');
    expect(await turns.take('transfers.create', signal())).toBe(true);
    expect(
      await db.sql("select clock_timestamp() >= paused_until as over from stripe_turns where line = 'all'"),
    ).toEqual([{ over: true }]);
    await pauseFor('-1 second');
    await turns.pause('all');
    expect(await pauseMs()).toContain(2_000);
    await pauseFor('-2 minutes');
    await turns.pause('all');
    expect(await pauseMs()).toContain(1_000);
  });

  test('of an object that is locked pauses nobody', async () => {
    const { result } = await send('lock-timeout');
    expect(result).toMatchObject({ kind: 'wait', reason: 'lock_timeout' });
    expect(await db.sql('select 1 from stripe_turns where paused_until is not null')).toEqual([]);
  });
});
