import { beforeEach, describe, expect, test } from 'vitest';
import { Away, handleApiError, Refused } from '../../src/integrations/api-errors.ts';
import { withPlatforms } from '../helpers/campaigns.ts';
import { CLICK, MINUTE_MS, pushing } from '../helpers/conversion-pushes.ts';
import { dieAtEachStep, finish } from '../helpers/killing.ts';

const HOUR_MS = 60 * MINUTE_MS;
const at = withPlatforms();
const { pushes, told, settle, paidCall } = pushing(at);

/** As the API client throws it. */
function tooOften() {
  const refused = new Refused({ statusCode: 429, code: null, waitMs: null });
  return new Away(handleApiError('everflow', 'conversions.create', refused), null).outage();
}

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
    const house = {
      ...at.house,
      advance(ms: number) {
        at.platforms.settle();
        at.house.advance(ms);
      },
    };
    await dieAtEachStep(house, await call.row(), 5 * HOUR_MS);
    await finish(at.house, call.row);
    expect(known()).toEqual([[CLICK, { revenue: 40, payout: 28 }]]);
    expect(await pushes()).toMatchObject([{ state: 'sent' }]);
  });

  test('that shows a conversion an hour late makes no second one', async () => {
    const call = await paidCall('everflow', CLICK);
    await call.run();
    for (let times = 0; times < 6; times += 1) {
      at.house.advance(10 * MINUTE_MS);
      expect(await call.run()).toMatchObject({ end: 'wait', code: 'not_shown_yet' });
    }
    settle();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(known()).toHaveLength(1);
    expect(told()).toBe(1);
  });

  test('that took it and did not do it is told again, when it must have shown it', async () => {
    const call = await paidCall('everflow', CLICK);
    await call.run();
    at.platforms.drop();
    at.house.advance(5 * HOUR_MS);
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
      at.house.advance(5 * HOUR_MS);
    }
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(told()).toBe(5);
    expect(await pushes()).toMatchObject([{ state: 'refused', code: 'never_shown', sends: 5 }]);
  });

  test('that refuses a request for coming too often has made nothing: it is told when it may be', async () => {
    const call = await paidCall('everflow', CLICK);
    const send = () => Promise.reject(tooOften());
    const campaignBooks = { ...at.platforms.books, send };
    expect(await at.house.run(await call.row(), { campaignBooks })).toMatchObject({ end: 'wait' });
    expect(await pushes()).toMatchObject([{ state: 'due', sends: 0 }]);
    expect(await call.run()).toMatchObject({ code: 'not_shown_yet' });
    settle();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(known()).toHaveLength(1);
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

  test('that shows a conversion no more is told of no second one: the change waits, and then a person is told', async () => {
    const call = await paidCall('everflow', CLICK);
    await call.run();
    settle();
    await call.run();
    await call.takeBack();
    at.platforms.at.conversions.clear();
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'not_shown_yet' });
    expect(told()).toBe(1);
    at.house.advance(5 * HOUR_MS);
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(told()).toBe(1);
    expect(await pushes()).toMatchObject([
      { seq: 1, state: 'sent' },
      { seq: 2, state: 'refused', code: 'vanished', sends: 0 },
    ]);
  });

  test.each([
    ['what the books say, though nobody was told', { revenue: 40, payout: 28 }, 'sent'],
    ['something else, which is adjusted', { revenue: 50, payout: 28 }, 'due'],
  ])('that showed %s, and shows it no more, is told of no second conversion', async (_what, shown, state) => {
    at.platforms.at.conversions.set(CLICK, shown);
    const call = await paidCall('everflow', CLICK);
    await call.run();
    expect(await pushes()).toMatchObject([{ seq: 1, state }]);
    if (state === 'sent') await call.takeBack();
    at.platforms.at.conversions.clear();
    at.house.advance(MINUTE_MS + 1_000);
    await call.run();
    at.house.advance(5 * HOUR_MS);
    await call.run();
    expect(at.platforms.at.sent.map(({ path }) => path.split('/').at(-1))).not.toContain('transaction_ids');
    expect((await pushes()).at(-1)).toMatchObject({ state: 'refused', code: 'vanished' });
  });

  test('that shows a conversion again after a while has it adjusted', async () => {
    const call = await paidCall('everflow', CLICK);
    await call.run();
    settle();
    await call.run();
    await call.takeBack();
    const shown = known();
    at.platforms.at.conversions.clear();
    expect(await call.run()).toMatchObject({ end: 'wait', code: 'not_shown_yet' });
    for (const [id, amounts] of shown) at.platforms.at.conversions.set(id, amounts);
    at.house.advance(MINUTE_MS);
    await call.run();
    settle();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(known()).toEqual([[CLICK, { revenue: 0, payout: 0 }]]);
  });

  test('that rejected a conversion was not told of a call: a person is', async () => {
    const call = await paidCall('everflow', CLICK);
    await call.run();
    at.platforms.at.everflowStatus = 'rejected';
    settle();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(await pushes()).toMatchObject([{ state: 'refused', code: 'rejected_there' }]);
    expect(told()).toBe(1);
    // For nothing is what it pays for it.
    await call.takeBack();
    expect(await call.run()).toMatchObject({ end: 'finish' });
    expect(await pushes()).toMatchObject([{ state: 'refused' }, { state: 'sent', price: 0 }]);
    expect(told()).toBe(1);
  });
});
