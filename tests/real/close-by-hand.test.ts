import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { wrongIn } from '../helpers/books.ts';
import {
  DAY_MS,
  dateAfter,
  FIRST_DATE,
  type House,
  keepServer,
  OPENS_MS,
  openHouse,
} from '../helpers/house.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
  } finally {
    await house.end();
  }
});

const nowMs = () => house.clock.nowMs();
const runs = () =>
  house.sql<{ period: string; state: string }>(
    "select period::text, state from schedule_runs where pipeline = 'nightly-close' order by period",
  );
const caught = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => codeOf(error, 'INTERNAL'),
  );
const planned = (days: readonly number[], state: string) =>
  days.map((day) => ({ period: dateAfter(day), state }));

async function qualified(number: string): Promise<void> {
  await house.call({ number });
  await house.work();
}

describe('closing a date by hand', () => {
  test('is refused before it is due, before an earlier date, and after a later one', async () => {
    const { number } = await house.road();
    await qualified(number);
    const start = (day: number) => house.services.operations.startClose(dateAfter(day), nowMs());
    expect(await caught(start(0))).toBe('CLOSE_OUT_OF_ORDER');
    house.advanceTo(OPENS_MS + 2 * DAY_MS);
    expect(await caught(start(1))).toBe('CLOSE_OUT_OF_ORDER');
    expect(await start(0)).toMatchObject({ state: 'running', stage: 'scores' });
    expect(await start(0)).toMatchObject({ state: 'running', stage: 'scores' });
    await house.work();
    expect(await start(1)).toMatchObject({ state: 'running' });
    expect(await caught(start(-1))).toBe('CLOSE_OUT_OF_ORDER');
    await house.work();
    expect(await runs()).toEqual(planned([0, 1], 'done'));
  });

  test('is told by a dry run that refuses the same, and writes nothing', async () => {
    const { number } = await house.road();
    await qualified(number);
    const dry = (day: number) => house.services.operations.startClose(dateAfter(day), nowMs(), { dry: true });
    expect(await caught(dry(0))).toBe('CLOSE_OUT_OF_ORDER');
    house.advanceTo(OPENS_MS + 2 * DAY_MS);
    expect(await caught(dry(1))).toBe('CLOSE_OUT_OF_ORDER');
    expect(await dry(0)).toMatchObject({ state: 'planned' });
    expect(await runs()).toEqual([]);
    await house.services.operations.startClose(FIRST_DATE, nowMs());
    await house.work();
    expect(await dry(0)).toMatchObject({ state: 'done' });
  });

  test('is refused while closes are paused, and a date that is closed still told', async () => {
    const { number } = await house.road();
    await qualified(number);
    const { operations, schedules } = house.services;
    await house.close(FIRST_DATE);
    await schedules.pause('nightly-close', 'ann', 'Stripe moves our account', nowMs());
    house.advance(DAY_MS);
    expect(await caught(operations.startClose(dateAfter(1), nowMs()))).toBe('PIPELINE_PAUSED');
    expect(await runs()).toEqual(planned([0], 'done'));
    expect(await operations.startClose(FIRST_DATE, nowMs())).toMatchObject({ state: 'done' });
  });
});
