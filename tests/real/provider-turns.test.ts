import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createProviderTurns } from '../../src/integrations/supabase/turns.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());
beforeEach(() => db.sql('delete from provider_turns'));

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const signal = () => new AbortController().signal;
const turnsOf = (line: string, perS: number) => createProviderTurns(db.database.rpc, line, perS);
/** How many seconds ahead of now a line stands. */
const aheadS = async (line: string) => {
  const [row] = await db.sql<{ ahead: number }>(
    'select extract(epoch from due_at - clock_timestamp())::float as ahead from provider_turns where line = $1',
    [line],
  );
  return row?.ahead ?? 0;
};

describe('the line in front of a provider', () => {
  test('is one for all processes: whoever asks, the next request is due a turn later', async () => {
    const two = [turnsOf('callrail', 0.25), turnsOf('callrail', 0.25)];
    const taken = await Promise.all(two.flatMap((turns) => [turns.take(signal()), turns.take(signal())]));
    // One at once, one after four seconds; the others would wait for longer than five.
    expect(taken.filter(Boolean)).toHaveLength(2);
    expect(await aheadS('callrail')).toBeGreaterThan(0.5);
    expect(await turnsOf('twilio', 0.25).take(signal())).toBe(true);
  });

  test('is closed for everybody for as long as the provider asked, and no shorter pause opens it', async () => {
    await turnsOf('callrail', 100).pause(MINUTE_MS);
    await turnsOf('callrail', 100).pause(SECOND_MS);
    expect(await turnsOf('callrail', 100).take(signal())).toBe(false);
    expect(await turnsOf('twilio', 100).take(signal())).toBe(true);
    await db.sql("update provider_turns set paused_until = clock_timestamp() where line = 'callrail'");
    expect(await turnsOf('callrail', 100).take(signal())).toBe(true);
  });

  test('is paused for an hour at most, whatever a provider asks for', async () => {
    await turnsOf('callrail', 1).pause(24 * 60 * MINUTE_MS);
    expect(
      await db.sql(
        "select paused_until < clock_timestamp() + interval '61 minutes' as soon from provider_turns where line = 'callrail'",
      ),
    ).toEqual([{ soon: true }]);
  });

  test('is left when the job is given up', async () => {
    const stop = new AbortController();
    await turnsOf('callrail', 0.5).take(signal());
    const waiting = turnsOf('callrail', 0.5).take(stop.signal);
    stop.abort();
    expect(await waiting).toBe(false);
  });
});
