import { describe, expect, test } from 'vitest';
import { withPlatforms } from '../helpers/campaigns.ts';
import { CALL, CLICK, JOB, MINUTE_MS, pushing } from '../helpers/conversion-pushes.ts';

const at = withPlatforms();
const { pushes, told, due, settle, paidCall } = pushing(at);

describe('nobody is told', () => {
  test('of a second call of one click, whose conversion would be the first one’s; it is shown', async () => {
    at.platforms.at.clicks.add(CLICK);
    const call = await paidCall('everflow', CLICK);
    await call.run();
    settle();
    await call.run();
    await at.house.call({ number: call.road.number, clickId: CLICK });
    expect(await due()).toMatchObject([{ code: 'reference_taken' }]);
    const { troubles } = await at.house.services.campaigns.pushes();
    expect(troubles).toMatchObject([{ state: 'refused', code: 'reference_taken', sends: 0 }]);
    expect(troubles).toHaveLength(1);
    // The first goes on having it.
    await call.takeBack();
    expect(await call.run()).toMatchObject({ code: 'not_shown_yet' });
    expect(told()).toBe(2);
  });

  test('of a call whose click nobody knows until a later report brings it', async () => {
    at.platforms.at.clicks.add(CLICK);
    const road = await at.offerOf('everflow', '33');
    await at.house.sql(`update campaigns set offer_currency = 'usd'`);
    const startedAtMs = at.house.clock.nowMs() - MINUTE_MS;
    const facts = { number: road.number, callId: 'late-click', caller: '+12127361234', startedAtMs };
    await at.house.call(facts);
    expect(await due()).toMatchObject([{ code: 'no_reference' }]);
    at.house.advance(MINUTE_MS);
    await at.house.call({ ...facts, clickId: CLICK });
    expect(await due()).toMatchObject([{ code: 'not_shown_yet' }]);
    expect(told()).toBe(1);
  });

  test('by Everflow’s offer that was not read yet, whose currency nobody knows', async () => {
    const call = await paidCall('everflow', CLICK);
    await at.house.sql('update campaigns set offer_currency = null');
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'offer_not_read' });
    expect(told()).toBe(0);
  });

  test('of a call without a click, or of a campaign that is no offer', async () => {
    const road = await at.offerOf('everflow', '33');
    await at.house.sql(`update campaigns set offer_currency = 'usd'`);
    await at.house.call({ number: road.number });
    const other = await at.house.road();
    await at.house.call({ number: other.number, clickId: CLICK });
    const ran = await at.house.work();
    expect(ran.filter(({ job }) => job === JOB)).toMatchObject([{ code: 'no_reference' }]);
    expect(await pushes()).toEqual([]);
  });

  test('in another currency than the offer’s', async () => {
    const call = await paidCall('everflow', CLICK);
    await at.house.sql(`update campaigns set offer_currency = 'eur'`);
    expect(await call.run()).toMatchObject({ code: 'other_currency' });
  });

  test('by a run that another one has taken over', async () => {
    const call = await paidCall('ringba', CALL);
    const { campaigns, clock } = at.house.services;
    const claims = [
      await campaigns.claimPush(call.id, clock.nowMs()),
      await campaigns.claimPush(call.id, clock.nowMs()),
    ];
    const [late] = claims;
    if (late === undefined || 'nothing' in late) throw new Error('nothing is due');
    await expect(campaigns.noteSend(late, false, clock.nowMs())).rejects.toMatchObject({
      code: 'TOKEN_STALE',
    });
  });

  test('by a house without the platform: a person is, who configures it and replays the letter', async () => {
    const call = await paidCall('ringba', CALL);
    const { configured } = at.platforms.books;
    const campaignBooks = { ...at.platforms.books, configured, slowness: async () => null };
    expect(await at.house.run(await call.row(), { campaignBooks })).toMatchObject({
      ...{ end: 'dead', code: 'CONFIG_INVALID' },
    });
  });
});
