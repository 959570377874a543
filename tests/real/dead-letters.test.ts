import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Death } from '../../src/integrations/supabase/work.ts';
import { FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { pay, readyPayout } from '../helpers/payouts.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const PAY = 'payouts.pay-supplier';
const nowMs = () => house.clock.nowMs();
const letters = () => house.services.deadLetters;
const page = { afterId: null, limit: 100 };

/** Work that ended for good; what it is of does not matter. */
async function die(facts: Partial<Death> & { key: string }, atMs = nowMs()): Promise<string> {
  const work = { job: 'calls.ingest-call', generation: 1, payload: {}, dueAtMs: atMs, trace: facts.key };
  const end = { code: 'JOB_FAILED', message: 'no luck', attempts: 3, tries: [], payloadVersion: 1 };
  const death = { ...work, ...end, ...facts };
  expect(await house.services.work.fail({ ...death, nowMs: atMs })).toBe(true);
  const dead = await letters().list({ jobs: [death.job] }, page);
  return dead.find(({ key }) => key === facts.key)?.id ?? '';
}
const replay = (id: string, edit?: { key: string; payload: Record<string, unknown> }) =>
  house.services.work.replay({ id, by: 'ann', reason: 'mended', nowMs: nowMs(), ...(edit && { edit }) });

describe('a letter', () => {
  test('tells the money that waits for it, and every effect that its work had already', async () => {
    const payout = await readyPayout(house);
    await pay(house, payout.id);
    await house.sql(`update work set state = 'due' where job = $1 and key = $2`, [PAY, payout.id]);
    const { generation } = await house.row(PAY, payout.id);
    const id = await die({ job: PAY, key: payout.id, generation });
    const shown = await letters().show(id);
    const [transfer] = house.simulator.journal.all('transfer');
    expect(shown).toMatchObject({ job: PAY, key: payout.id, atRisk: { usd: 2_800 } });
    expect(shown?.effects.stripe).toEqual([{ object: 'transfer', id: transfer?.id }]);
    const templates = shown?.effects.journals.map(({ template }) => template);
    expect(templates).toEqual(['payout_reserve', 'payout_send']);
    expect(await letters().show('999999')).toBeNull();
  });

  test('keeps each attempt, and every death before with what was decided then', async () => {
    const attempt = { atMs: nowMs(), durationMs: 12, payloadVersion: 1, build: '0.1.0', code: 'JOB_TIMEOUT' };
    const tries = [{ ...attempt, message: 'too long', causes: ['TypeError'] }];
    const id = await die({ key: 'a', tries, message: 'the first time' });
    const again = await replay(id);
    expect(again?.generation).toBe(2);
    await die({ key: 'a', generation: 2, message: 'the second time' });
    const shown = await letters().show(id);
    expect(shown).toMatchObject({ message: 'the second time', tries: [], replays: 1, isPoison: false });
    const [first, second] = shown?.deaths ?? [];
    const decided = { decision: 'replayed', by: 'ann', reason: 'mended' };
    expect(first).toMatchObject({ generation: 1, message: 'the first time', ...decided });
    expect(second).toMatchObject({ generation: 2, message: 'the second time', decision: null });
    const kept = await house.sql('select tries from dead_letters order by generation limit 1');
    expect(kept).toEqual([{ tries }]);
  });

  test('that was replayed three times in vain is poison', async () => {
    const id = await die({ key: 'a' });
    for (const generation of [2, 3, 4]) {
      expect(await letters().list({ poison: true }, page)).toEqual([]);
      await replay(id);
      await die({ key: 'a', generation });
    }
    expect(await letters().list({ poison: true }, page)).toMatchObject([{ id, replays: 3, isPoison: true }]);
    expect(await letters().list({ poison: false }, page)).toEqual([]);
  });

  test('that is edited keeps what the edit replaced, and never becomes other work', async () => {
    const id = await die({ key: 'a', payload: { wrong: 1 } });
    await die({ key: 'b' });
    await expect(replay(id, { key: 'b', payload: {} })).rejects.toMatchObject({
      code: 'LETTER_EDIT_REFUSED',
    });
    expect(await letters().list({}, page)).toHaveLength(2);
    expect(await replay(id, { key: 'c', payload: { right: 1 } })).toMatchObject({
      ...{ key: 'c', generation: 2, payload: { right: 1 } },
    });
    const kept = await house.sql(
      'select decision, edited_payload from dead_letters order by work_id limit 1',
    );
    expect(kept).toEqual([{ decision: 'edited', edited_payload: { wrong: 1 } }]);
  });

  test('that is discarded is gone, with who and why, and its payload too', async () => {
    const id = await die({ key: 'a', payload: { body: 'of a person' } });
    const decision = { id, by: 'bob', reason: 'a test call', nowMs: nowMs() };
    expect(await house.services.work.discard(decision)).toBe(true);
    expect(await house.services.work.discard(decision)).toBe(false);
    expect(await replay(id)).toBeNull();
    const kept = await house.sql(
      'select d.decision, d.decided_by, w.payload from dead_letters d join work w on w.id = d.work_id',
    );
    expect(kept).toEqual([{ decision: 'discarded', decided_by: 'bob', payload: {} }]);
  });
});

test('letters whose failures differ in ids and numbers alone are one group, with its first and last time', async () => {
  const payout = await readyPayout(house);
  await house.sql(`update work set state = 'due' where job = $1 and key = $2`, [PAY, payout.id]);
  const firstMs = nowMs();
  await die({ key: 'a', message: `call ${crypto.randomUUID()} of 2026-03-01 has no number 17` }, firstMs);
  house.advance(60_000);
  const lastMs = nowMs();
  await die({ key: 'b', message: `call ${crypto.randomUUID()} of 2026-03-02 has no number 9` }, lastMs);
  await die({ key: 'c', message: 'another thing', code: 'PAYLOAD_INVALID' });
  const row = await house.row(PAY, payout.id);
  await die({ ...row, code: 'STRIPE_REFUSED', message: 'no such destination: acct_1AbCdEf' });
  const [group, ...others] = await letters().group({});
  expect(group).toMatchObject({ letters: 2, poison: 0, firstAtMs: firstMs, lastAtMs: lastMs, atRisk: {} });
  expect(others).toHaveLength(2);
  expect(others.find(({ job }) => job === PAY)?.atRisk).toEqual({ usd: 2_800 });

  const keys = async (filter: Parameters<House['services']['deadLetters']['list']>[0]) =>
    (await letters().list(filter, page)).map(({ key }) => key);
  expect(await keys({ fingerprint: group?.fingerprint ?? '' })).toEqual(['a', 'b']);
  expect(await keys({ jobs: ['calls.ingest-call'], codes: ['PAYLOAD_INVALID'] })).toEqual(['c']);
  expect(await keys({ codes: [] })).toEqual([]);
  expect(await keys({ untilMs: lastMs })).toEqual(['a']);
  expect(await keys({ fromMs: lastMs, jobs: [PAY] })).toEqual([payout.id]);
  const [first] = await letters().list({}, { afterId: null, limit: 1 });
  expect(await letters().list({}, { afterId: first?.id ?? '', limit: 10 })).toHaveLength(3);
});

test('the date of its close stays with a letter, which the close does not wait for', async () => {
  const { number } = await house.road();
  await house.call({ number });
  await house.begin(FIRST_DATE);
  await house.work({}, ['billing.bill-buyer']);
  const [invoice] = await house.sql<{ id: string }>('select id from invoices');
  const row = await house.row('billing.bill-buyer', invoice?.id ?? '');
  const id = await die({ ...row, code: 'INVOICE_MISMATCH' });
  expect(await letters().show(id)).toMatchObject({ closeDate: FIRST_DATE, atRisk: { usd: 4_000 } });
});
