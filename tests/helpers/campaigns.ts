import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { pullOffers } from '../../src/jobs/campaigns/pull-offers.job.ts';
import { wrongIn } from './books.ts';
import { type CampaignPlatforms, startCampaignPlatforms } from './campaign-platforms.ts';
import { DAY_MS, FIRST_DATE, type House, keepServer, openHouse } from './house.ts';

/**
 * For the tests of a file: before each a house whose services ask Ringba, Everflow and TUNE as they stand in for
 * themselves. After each the books are audited.
 */
export function withPlatforms() {
  keepServer();
  const at = {
    /** Whoever runs its jobs asks the platforms. */
    house: undefined as unknown as House,
    platforms: undefined as unknown as CampaignPlatforms,
    /** A road whose campaign is an offer: 40.00 a call, 28.00 of it the supplier's. */
    async offerOf(provider: 'ringba' | 'everflow' | 'tune', id: string, terms: object = {}) {
      const road = await at.house.road({ minDurationS: 30, ...terms });
      await at.link(road, { provider, id });
      return road;
    },
    link: (
      road: { id: string; buyer: { id: string } },
      offer: { provider: 'ringba' | 'everflow' | 'tune'; id: string } | null,
    ) =>
      at.house.put({
        campaigns: [{ id: road.id, buyerId: road.buyer.id, name: `Offer ${road.id.slice(0, 4)}`, offer }],
      }),
    /** The night's work of a date. */
    night: (date = FIRST_DATE): WorkItem => ({
      ...{ job: pullOffers.name, key: date, generation: 1, payload: { date }, trace: 'test' },
      dueAtMs: Date.parse(date) + DAY_MS,
    }),
  };
  beforeAll(async () => {
    at.platforms = await startCampaignPlatforms();
  });
  afterAll(() => at.platforms.close());
  beforeEach(async () => {
    const { offers, calls, conversions, clicks, sent, refuse } = at.platforms.at;
    for (const all of [...Object.values(offers), calls, conversions, clicks]) all.clear();
    for (const all of [sent, refuse]) all.length = 0;
    Object.assign(at.platforms.at, {
      ...{ loseAnswers: false, ringbaDoesNothing: false, everflowStatus: 'approved', tuneRefuses: null },
    });
    at.platforms.drop();
    const house = await openHouse();
    const campaignBooks = at.platforms.books;
    at.house = {
      ...house,
      services: { ...house.services, campaignBooks },
      run: (item, given = {}, signal) => house.run(item, { campaignBooks, ...given }, signal),
      work: (given = {}, leave) => house.work({ campaignBooks, ...given }, leave),
    };
  });
  afterEach(async () => {
    try {
      expect(await wrongIn(at.house.sql)).toEqual([]);
    } finally {
      await at.house.end();
    }
  });
  return at;
}
