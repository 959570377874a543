import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { wrongIn } from '../helpers/books.ts';
import { FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { type Death, finish, killing } from '../helpers/killing.ts';
import { readyPayouts } from '../helpers/payouts.ts';
import { storyOf } from '../helpers/stories.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
    expect(house.simulator.journal.check()).toEqual([]);
  } finally {
    await house.end();
  }
});

type Road = Awaited<ReturnType<House['road']>>;
interface Piece {
  readonly item: () => Promise<WorkItem>;
  readonly road: Road;
}

/** Between any two effects, before the first and after the last. */
function boundariesOf(effects: number): Death[] {
  const after = Array.from({ length: effects }, (_, index): Death => ({ call: index + 1, when: 'after' }));
  return [{ call: 1, when: 'before' }, ...after];
}

/** So many pieces as pairs of boundaries, and one that nobody disturbs. */
const piecesFor = (effects: number) => (effects + 1) ** 2 + 1;

type How = (piece: Piece, first: Death, second: Death) => Promise<void>;
const dying = async (piece: Piece, death: Death) =>
  house.run(await piece.item(), killing(house.services, death).services);

const HOW: Record<string, How> = {
  'one worker, and the one that comes after it': async (piece, first, second) => {
    expect(await dying(piece, first)).toMatchObject({ end: 'killed' });
    await dying(piece, second);
  },
  'two workers that have the same work at once': async (piece, first, second) => {
    await Promise.all([dying(piece, first), dying(piece, second)]);
  },
};

/** Disturbs a piece at each pair of boundaries, finishes it, and finds that it came to the same end as one left alone. */
async function disturbAll(pieces: readonly Piece[], effects: number, how: How): Promise<void> {
  const [alone, ...others] = pieces;
  if (alone === undefined) throw new Error('no pieces');
  const watched = killing(house.services, null);
  expect(await house.run(await alone.item(), watched.services)).toMatchObject({ end: 'finish' });
  expect(watched.made).toHaveLength(effects);
  const expected = await storyOf(house, alone.road);
  for (const first of boundariesOf(effects)) {
    for (const second of boundariesOf(effects)) {
      const piece = others.shift();
      if (piece === undefined) throw new Error(`more pieces are needed than ${pieces.length}`);
      await how(piece, first, second);
      await finish(house, piece.item);
      expect({ first, second, story: await storyOf(house, piece.road) }).toEqual({
        ...{ first, second, story: expected },
      });
    }
  }
  expect(others).toEqual([]);
}

async function invoicesToBill(count: number): Promise<Piece[]> {
  const roads: Road[] = [];
  for (let n = 0; n < count; n += 1) roads.push(await house.road());
  for (const { number } of roads) await house.call({ number });
  await house.begin(FIRST_DATE);
  await house.work({}, ['billing.bill-buyer']);
  const rows = await house.sql<{ id: string; buyer: string }>('select id, buyer_id as buyer from invoices');
  return roads.map((road) => ({
    road,
    item: () => house.row('billing.bill-buyer', rows.find(({ buyer }) => buyer === road.buyer.id)?.id ?? ''),
  }));
}

describe.each(Object.entries(HOW))('killed between any two effects: %s', (_, how) => {
  test('billing makes one invoice and one charge', async () => {
    const effects = 7;
    await disturbAll(await invoicesToBill(piecesFor(effects)), effects, how);
  }, 900_000);

  test('paying makes one transfer', async () => {
    const effects = 5;
    const ready = await readyPayouts(house, piecesFor(effects));
    const pieces = ready.map(({ id, road }) => ({ road, item: () => house.row('payouts.pay-supplier', id) }));
    await disturbAll(pieces, effects, how);
    expect(house.simulator.journal.all('transfer')).toHaveLength(pieces.length);
  }, 900_000);
});
