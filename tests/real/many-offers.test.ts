import { beforeEach, describe, expect, test } from 'vitest';
import { OutageError, PermanentError } from '../../src/errors.ts';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { withPlatforms } from '../helpers/campaigns.ts';
import { dateAfter } from '../helpers/house.ts';

const at = withPlatforms();

describe('more offers than one run reads', () => {
  let read: string[];
  /** The platforms, which note what is read of them, and fail where a test says so. */
  const noting = (fail: (provider: string, nth: number) => Error | null = () => null) => {
    const { books } = at.platforms;
    const readOffer: typeof books.readOffer = async (provider, id, signal) => {
      const failure = fail(provider, read.length);
      if (failure !== null) throw failure;
      read.push(`${provider} ${id}`);
      return books.readOffer(provider, id, signal);
    };
    return { campaignBooks: { ...books, readOffer } };
  };
  /** Runs the night until it is neither snoozed nor waits; answers how each run ended. */
  async function runAll(night: WorkItem, given = noting()) {
    const codes: (string | null)[] = [];
    for (;;) {
      const { end, code } = await at.house.run(night, given);
      codes.push(code);
      if (end !== 'wait' || codes.length > 9) return { end, codes };
    }
  }
  /** Campaigns without terms, of which each makes a proposal; of each of the first offers there are two. */
  const campaignsOf = (road: { buyer: { id: string } }, provider: string, offers: number, twice = 0) =>
    at.house.sql(
      `insert into campaigns (buyer_id, name, offer_provider, offer_id)
       select $1, 'Offer ' || n, $2, 1000 + (n - 1) % $3::int from generate_series(1, $3::int + $4::int) n`,
      [road.buyer.id, provider, offers, twice],
    );
  const offersOf = (provider: string, count: number) =>
    Array.from({ length: count }, (_, nth) => `${provider} ${1000 + nth}`);

  beforeEach(() => {
    read = [];
  });

  test('are compared in as many runs as it takes, each offer read once, and anew the next night', async () => {
    await campaignsOf(await at.house.road(), 'everflow', 230, 10);
    const away = new OutageError('PROVIDER_UNAVAILABLE', 'Everflow does not answer.');
    let isAway = true;
    // Its platform is away once, in the middle of a run.
    const once = noting((_provider, nth) => {
      if (nth !== 150 || !isAway) return null;
      isAway = false;
      return away;
    });
    expect(await runAll(at.night(), once)).toEqual({
      end: 'finish',
      codes: ['more_offers', 'PROVIDER_UNAVAILABLE', null],
    });
    expect(read.toSorted()).toEqual(offersOf('everflow', 230));
    expect(await at.house.services.campaigns.proposals()).toHaveLength(240);
    // Of a night that was done a second one has nothing to read.
    expect(await runAll(at.night())).toEqual({ end: 'finish', codes: [null] });
    expect(read).toHaveLength(230);
    expect((await runAll(at.night(dateAfter(1)))).codes).toEqual(['more_offers', 'more_offers', null]);
    expect(read.toSorted()).toEqual([...offersOf('everflow', 230), ...offersOf('everflow', 230)].toSorted());
  });

  test('of one platform are all compared before another’s refusal ends the night', async () => {
    const road = await at.house.road();
    await campaignsOf(road, 'everflow', 120);
    await campaignsOf(road, 'ringba', 1);
    const refused = new PermanentError('PROVIDER_REFUSED', 'Ringba refuses the token.');
    const ends = await runAll(
      at.night(),
      noting((provider) => (provider === 'ringba' ? refused : null)),
    );
    expect(ends).toEqual({ end: 'dead', codes: ['more_offers', 'PROVIDER_REFUSED'] });
    expect(read.toSorted()).toEqual(offersOf('everflow', 120));
  });
});
