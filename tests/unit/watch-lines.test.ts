import { describe, expect, test } from 'vitest';
import { createTermsCache, lineOf, openLine, tellCall, tellTerms } from '../../src/cli/watch-lines.ts';
import type { CampaignTerms, WaitingCall } from '../../src/integrations/supabase/news.ts';
import { id, NOW_MS, ROOF, terms } from '../helpers/news.ts';

describe('a line', () => {
  const told = (is: Partial<CampaignTerms>, was: Partial<CampaignTerms> | null = {}) => {
    const cache = createTermsCache();
    const next = terms({ id: id(11), validFromMs: NOW_MS - 60_000, ...is });
    cache.keepCampaigns([ROOF]);
    // The order in which they become known says nothing.
    cache.keepTerms(
      was === null ? [next] : [next, terms({ validFromMs: 1, ...was }), terms({ id: id(9), priceMinor: 1 })],
    );
    return tellTerms(next, cache, NOW_MS);
  };
  const perSecond = { priceMinor: 120, incrementS: 60, minimumS: 90 };
  test.each<[Partial<CampaignTerms>, Partial<CampaignTerms> | null, string]>([
    [{}, null, '40.00 USD a call'],
    [{ priceMinor: 4_500, currency: 'eur' }, {}, '40.00 USD → 45.00 EUR a call'],
    [perSecond, {}, '40.00 USD a call → 1.20 USD each begun 60 s, 90 s at least'],
    [
      { priceMinor: null, revenueBps: 1_250 },
      perSecond,
      '1.20 USD each begun 60 s, 90 s at least → 12.5 % of the revenue',
    ],
  ])('of terms %j after %j says the price %s', (is, was, price) => {
    expect(told(is, was).text).toMatch(
      new RegExp(`^Roof Repair \\(Acme\\): ${price} since 2026-11-30 12:02Z`),
    );
  });

  test('of terms says whatever else changed, and nothing that did not', () => {
    const hours = [{ days: [1, 2], from: '09:00', to: '17:00' }];
    const changed = { supplierShareBps: null, minDurationS: 60, duplicateWindowS: 9, hours, dailyCap: 5 };
    expect(
      told({
        ...changed,
        supplierShareTiers: [{ fromCall: 1, bps: 6_000 }],
        concurrencyCap: 2,
        monthlyCap: 7,
      }).text,
    ).toBe(
      'Roof Repair (Acme): 40.00 USD a call since 2026-11-30 12:02Z; share 70 % → 60 % from 1; paid from 30 s → 60 s; ' +
        'a caller again after 0 s → 9 s; hours always → 12 09:00-17:00; calls a day any → 5; calls a month any → 7; calls at a time any → 2',
    );
    expect(told({ supplierShareBps: null, supplierShareMinor: 2_800 }).text).toContain(
      '; share 70 % → 28.00 USD',
    );
  });

  const held: WaitingCall = {
    ...{
      callId: id(5),
      campaignId: ROOF.id,
      supplier: 'Best Calls',
      startedAtMs: NOW_MS - 90_000,
      durationS: 93,
      score: 55,
    },
    ...{ reasons: [{ points: 45, text: 'the caller withheld the number' }], revenue: null, heldMs: NOW_MS },
  };
  test('of a held call says what its buyer would owe by the terms of its start, as far as these are known', () => {
    const cache = createTermsCache();
    cache.keepCampaigns([ROOF]);
    expect(tellCall(held, cache).facts).toMatchObject({ owedMinor: null, currency: null });
    cache.keepTerms([terms(), terms({ id: id(11), priceMinor: 9_900, validFromMs: NOW_MS - 1_000 })]);
    expect(lineOf(tellCall(held, cache), false)).toBe(
      `12:03:10  call      ${id(5)}: Roof Repair (Acme), of Best Calls, 93 s, 40.00 USD owed, score 55: the caller withheld the number (45)`,
    );
  });

  test('for a program is one object, with its instant, names, ids and amounts', () => {
    const line = lineOf(told({ priceMinor: 4_500 }), true);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({
      ...{
        at: '1970-01-01T00:00:00.000Z',
        event: 'terms',
        campaign: 'Roof Repair',
        buyer: 'Acme',
        priceMinor: 4_500,
      },
      ...{ currency: 'usd', before: { priceMinor: 4_000 } },
    });
    expect(JSON.parse(openLine({ breaks: 1, calls: 2, letters: 3, proposals: 4 }, NOW_MS, true))).toEqual({
      ...{ at: '2026-11-30T12:03:10.000Z', event: 'open', breaks: 1, calls: 2, letters: 3, proposals: 4 },
    });
  });
});
