import { beforeEach, describe, expect, test } from 'vitest';
import { unsent } from '../../src/integrations/api-errors.ts';
import { withPlatforms } from '../helpers/campaigns.ts';
import { CALL, CLICK, JOB, MINUTE_MS, pushing } from '../helpers/conversion-pushes.ts';
import { dieAtEachStep, finish } from '../helpers/killing.ts';

const at = withPlatforms();
const { pushes, told, due, settle, paidCall } = pushing(at);

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
    const steps = await dieAtEachStep(at.house, await call.row(), MINUTE_MS);
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
    await campaigns.noteSend(first, clock.nowMs());
    at.house.advance(MINUTE_MS / 2);
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'being_sent' });
    expect(told()).toBe(0);
    // The first has it still.
    await campaigns.noteSend(first, clock.nowMs());
    at.house.advance(MINUTE_MS);
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

describe('Everflow', () => {
  beforeEach(() => {
    at.platforms.at.clicks.add(CLICK);
  });
  const known = () => [...at.platforms.at.conversions];

  test('makes one conversion of a paid call, which is told when it shows', async () => {
    const call = await paidCall('everflow', CLICK);
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'not_shown_yet' });
    at.house.advance(MINUTE_MS);
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'not_shown_yet' });
    settle();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(known()).toEqual([[CLICK, { revenue: 40, payout: 28 }]]);
    expect(told()).toBe(1);
  });

  test('makes one conversion of a call whose job dies before and after each of its steps', async () => {
    const call = await paidCall('everflow', CLICK);
    for (let round = 0; round < 3; round += 1) {
      await dieAtEachStep(at.house, await call.row());
      at.platforms.settle();
      at.house.advance(11 * MINUTE_MS);
    }
    await finish(at.house, async () => {
      at.platforms.settle();
      return call.row();
    });
    expect(known()).toEqual([[CLICK, { revenue: 40, payout: 28 }]]);
    expect(await pushes()).toMatchObject([{ state: 'sent' }]);
  });

  test('that took it and did not do it is told again, when it must have shown it', async () => {
    const call = await paidCall('everflow', CLICK);
    await call.run();
    at.platforms.drop();
    at.house.advance(11 * MINUTE_MS);
    expect(await call.run()).toMatchObject({ end: 'wait' });
    settle();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(known()).toEqual([[CLICK, { revenue: 40, payout: 28 }]]);
    expect(told()).toBe(2);
  });

  test('that never shows what it takes is told five times, and then a person is', async () => {
    const call = await paidCall('everflow', CLICK);
    for (let times = 0; times < 5; times += 1) {
      expect(await call.run()).toMatchObject({ end: 'wait' });
      at.platforms.drop();
      at.house.advance(11 * MINUTE_MS);
    }
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(told()).toBe(5);
    expect(await pushes()).toMatchObject([{ state: 'refused', code: 'never_shown', sends: 5 }]);
  });

  test('whose answer is lost makes no second conversion', async () => {
    const call = await paidCall('everflow', CLICK);
    at.platforms.at.loseAnswers = true;
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'PROVIDER_UNAVAILABLE' });
    at.platforms.at.loseAnswers = false;
    settle();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(known()).toHaveLength(1);
    expect(told()).toBe(1);
  });

  test('has its conversion adjusted when the call is, and not another one made', async () => {
    const call = await paidCall('everflow', CLICK);
    await call.run();
    settle();
    await call.run();
    await call.takeBack();
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'not_shown_yet' });
    settle();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(known()).toEqual([[CLICK, { revenue: 0, payout: 0 }]]);
    expect(at.platforms.at.sent.map(({ path }) => path.split('/').at(-1))).toEqual([
      ...['transaction_ids', 'payoutrevenue'],
    ]);
  });
});
