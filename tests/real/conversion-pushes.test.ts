import { beforeEach, describe, expect, test } from 'vitest';
import { unsent } from '../../src/integrations/api-errors.ts';
import { withPlatforms } from '../helpers/campaigns.ts';
import { CALL, JOB, MINUTE_MS, pushing } from '../helpers/conversion-pushes.ts';
import { dieAtEachStep, finish } from '../helpers/killing.ts';

const HOUR_MS = 60 * MINUTE_MS;
const at = withPlatforms();
const { pushes, told, due, paidCall } = pushing(at);

describe('Ringba', () => {
  beforeEach(() => {
    at.platforms.at.calls.set(CALL, { revenue: 0, payout: 0 });
  });
  const known = () => at.platforms.at.calls.get(CALL);

  test('is told of a paid call once, also when the job runs twice', async () => {
    const call = await paidCall('ringba', CALL);
    expect(told()).toBe(0);
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(known()).toEqual({ revenue: 40, payout: 28 });
    expect(await call.run()).toMatchObject({ end: 'finish', code: 'told_before' });
    expect(told()).toBe(1);
    expect(await pushes()).toMatchObject([{ seq: 1, state: 'sent', price: 4_000, share: 2_800 }]);
  });

  test('is told once by a job that dies before and after each of its steps', async () => {
    const call = await paidCall('ringba', CALL);
    const steps = await dieAtEachStep(at.house, await call.row(), 5 * MINUTE_MS);
    await finish(at.house, call.row);
    expect(steps).toEqual(
      expect.arrayContaining(['campaigns.claimPush', 'campaigns.noteSend', 'campaignBooks.send']),
    );
    expect(known()).toEqual({ revenue: 40, payout: 28 });
    expect(told()).toBe(1);
    expect(await pushes()).toMatchObject([{ state: 'sent' }]);
  });

  test('is told what an adjustment leaves of a call, once', async () => {
    const call = await paidCall('ringba', CALL);
    expect(await due()).toMatchObject([{ end: 'finish', code: null }]);
    expect(await due()).toEqual([]);
    await call.takeBack();
    expect(await due()).toMatchObject([{ end: 'finish', code: null }]);
    expect(await call.run()).toMatchObject({ code: 'told_before' });
    expect(known()).toEqual({ revenue: 0, payout: 0 });
    expect(told()).toBe(2);
    expect(await pushes()).toMatchObject([
      { seq: 1, state: 'sent', price: 4_000 },
      { seq: 2, state: 'sent', price: 0, share: 0 },
    ]);
  });

  test('is told nothing of a call that was taken back before it could be told', async () => {
    const call = await paidCall('ringba', CALL);
    at.platforms.at.refuse.push(503, 503, 503, 503);
    expect(await call.run()).toMatchObject({ end: 'wait' });
    await call.takeBack();
    expect(await call.run()).toMatchObject({ code: 'no_conversion' });
    expect(told()).toBe(0);
    expect(await pushes()).toMatchObject([{ state: 'superseded', sends: 0 }]);
  });

  test('whose answer is lost is asked what it has, and told no more', async () => {
    const call = await paidCall('ringba', CALL);
    at.platforms.at.loseAnswers = true;
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'PROVIDER_UNAVAILABLE' });
    const sent = told();
    expect(sent).toBe(1);
    at.platforms.at.loseAnswers = false;
    at.house.advance(MINUTE_MS);
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(told()).toBe(sent);
    expect(known()).toEqual({ revenue: 40, payout: 28 });
  });

  test('that answers success and does nothing is told again, and then a person is', async () => {
    at.platforms.at.ringbaDoesNothing = true;
    const call = await paidCall('ringba', CALL);
    for (let times = 1; times <= 5; times += 1) {
      expect(await call.run()).toMatchObject({ end: 'wait', code: 'not_shown_yet' });
      expect(told()).toBe(times);
      at.house.advance(5 * MINUTE_MS);
    }
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(await pushes()).toMatchObject([{ state: 'refused', code: 'never_shown', sends: 5 }]);
  });

  test('that does an older request after a newer amount is told the newer one again', async () => {
    const call = await paidCall('ringba', CALL);
    at.platforms.at.ringbaDoesNothing = true;
    await call.run();
    at.platforms.at.ringbaDoesNothing = false;
    at.house.advance(2 * MINUTE_MS);
    expect(await call.run()).toMatchObject({ end: 'finish' });
    // Of two requests one was shown; the other may come.
    await call.takeBack();
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'may_change' });
    expect(known()).toEqual({ revenue: 0, payout: 0 });
    at.platforms.at.calls.set(CALL, { revenue: 40, payout: 28 });
    at.house.advance(10 * MINUTE_MS);
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'may_change' });
    expect(known()).toEqual({ revenue: 0, payout: 0 });
    at.house.advance(HOUR_MS);
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(await pushes()).toMatchObject([{ state: 'sent' }, { state: 'sent', price: 0 }]);
  });

  test('that refuses is told no more, and the refusal is shown', async () => {
    at.platforms.at.calls.clear();
    const call = await paidCall('ringba', CALL);
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(await call.run()).toMatchObject({ code: 'told_before' });
    expect(told()).toBe(1);
    const { counts, troubles } = await at.house.services.campaigns.pushes();
    expect(counts).toEqual([{ provider: 'ringba', state: 'refused', count: 1 }]);
    expect(troubles).toMatchObject([{ callId: call.id, code: 'unknown_call', priceMinor: 4_000 }]);
  });

  test('that refuses our token refuses nothing of the call: the job fails, and the push stays due', async () => {
    const call = await paidCall('ringba', CALL);
    at.platforms.at.refuse.push(...Array.from({ length: 8 }, () => 403));
    expect(await call.run()).toMatchObject({ end: 'dead', code: 'PROVIDER_REFUSED' });
    expect(await pushes()).toMatchObject([{ state: 'due', sends: 0 }]);
  });

  test('is told nothing by a second run while the request of the first may be under way', async () => {
    const call = await paidCall('ringba', CALL);
    const { campaigns, clock } = at.house.services;
    const first = await campaigns.claimPush(call.id, clock.nowMs());
    if ('nothing' in first) throw new Error(first.nothing);
    await campaigns.noteSend(first, false, clock.nowMs());
    at.house.advance(MINUTE_MS / 2);
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'being_sent' });
    expect(told()).toBe(0);
    // The first has it still.
    await campaigns.noteSend(first, false, clock.nowMs());
    at.house.advance(2 * MINUTE_MS);
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(told()).toBe(1);
  });

  test('was told nothing by a send that never left the house', async () => {
    const call = await paidCall('ringba', CALL);
    const send = () => Promise.reject(unsent('ringba', 'calls.override', 'no_turn'));
    const campaignBooks = { ...at.platforms.books, send };
    expect(await at.house.run(await call.row(), { campaignBooks })).toMatchObject({ end: 'wait' });
    expect(await at.house.sql('select sends, sent_at from conversion_pushes')).toEqual([
      { sends: 0, sent_at: null },
    ]);
    await call.takeBack();
    expect(await call.run()).toMatchObject({ code: 'no_conversion' });
    expect(await pushes()).toMatchObject([{ state: 'superseded' }]);
  });

  test('is told of an adjustment though the campaign is its offer no more, or the row was discarded', async () => {
    const call = await paidCall('ringba', CALL);
    await call.run();
    await at.link(call.road, null);
    await at.house.sql(`update work set state = 'discarded' where job = $1`, [JOB]);
    await call.takeBack();
    expect(await due()).toMatchObject([{ end: 'finish' }]);
    expect(known()).toEqual({ revenue: 0, payout: 0 });
  });
});
