import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lineOf, openLine } from '../../src/cli/watch-lines.ts';
import { type Watching, watchNews } from '../../src/cli/watch-news.ts';
import { OutageError } from '../../src/errors.ts';
import type { CampaignTerms, OpenedBreak } from '../../src/integrations/supabase/news.ts';
import { broken, dearer, id, NOW_MS, ROOF, terms } from '../helpers/news.ts';
import { type RealtimeServer, startRealtimeServer } from '../helpers/realtime-server.ts';

const HOUR_MS = 3_600_000;

describe('while it is watched', () => {
  let server: RealtimeServer;
  let at: { campaigns: (typeof ROOF)[]; terms: CampaignTerms[]; breaks: OpenedBreak[]; isAway: boolean };
  let readings: string[];
  let whileStarting: () => void;
  let lines: string[];
  let away: (string | null)[];
  let watching: { close(): Promise<void> } | undefined;

  /** What the database has, by the mark of each reading. */
  function newsOf(): Watching['news'] {
    const since = async <T>(
      table: string,
      all: readonly T[],
      of: (one: T) => number,
      sinceMs: number | null,
    ) => {
      readings.push(table);
      whileStarting();
      whileStarting = () => undefined;
      if (at.isAway) throw new OutageError('DATABASE_UNAVAILABLE', 'The database does not answer.');
      return all.filter((one) => of(one) >= (sinceMs ?? 0));
    };
    const nothing = async () => [];
    return {
      campaigns: () => since('campaigns', at.campaigns, () => NOW_MS, null),
      terms: (sinceMs) => since('terms', at.terms, ({ madeMs }) => madeMs, sinceMs),
      breaks: (sinceMs) => since('breaks', at.breaks, ({ newsMs }) => newsMs, sinceMs),
      ...{ calls: nothing, letters: nothing, proposals: nothing },
      countOpen: async () => ({ breaks: at.breaks.length, calls: 0, letters: 0, proposals: 0 }),
    };
  }
  async function watch(given: Partial<Watching['realtime']> = {}, namesMs?: number) {
    watching = await watchNews({
      ...{ news: newsOf(), nowMs: () => NOW_MS, ...(namesMs === undefined ? {} : { namesMs }) },
      realtime: {
        ...{
          url: server.url,
          secretKey: 'not-a-key',
          isOn: true,
          onFailure: () => undefined,
          reconnectAfterMs: () => 20,
          timeoutMs: 2_000,
        },
        // Nothing is polled within a test that does not ask for it.
        ...{ pollMs: HOUR_MS, checkMs: HOUR_MS, ...given },
      },
      onOpen: (open) => lines.push(openLine(open, NOW_MS, false)),
      onNews: (news) => lines.push(lineOf(news, false)),
      onAway: (code) => away.push(code),
    });
  }
  const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });
  const joined = (table: string) => soon(() => expect(server.isJoined(table)).toBe(true));
  const change = (table: string, record: Record<string, unknown>) =>
    server.change(table, {
      record,
      columns: Object.keys(record).map((name) => ({ name, type: 'text' })),
    });
  /** Every table has been read after its join: whatever comes now comes by an event. */
  async function quiet() {
    for (const table of [
      'campaigns',
      'campaign_terms',
      'reconciliation_breaks',
      'dead_letters',
      'term_proposals',
    ])
      await joined(table);
    await soon(() => expect(readings.filter((one) => one === 'breaks').length).toBeGreaterThanOrEqual(3));
    await soon(() => expect(readings.filter((one) => one === 'terms').length).toBeGreaterThanOrEqual(4));
  }

  beforeEach(async () => {
    server = await startRealtimeServer();
    at = { campaigns: [ROOF], terms: [terms()], breaks: [], isAway: false };
    [readings, lines, away, whileStarting] = [[], [], [], () => undefined];
  });
  afterEach(async () => {
    await watching?.close();
    await server.stop();
  });

  const DEARER =
    '12:03:10  terms     Roof Repair (Acme): 40.00 USD → 45.00 USD a call from 2026-12-01 05:00Z';

  test('an event of new terms refreshes what is kept of them, and is told once, however often it comes', async () => {
    await watch();
    await quiet();
    at.terms.push(dearer);
    change('campaign_terms', { id: dearer.id });
    await soon(() => expect(lines.at(-1)).toBe(DEARER));
    const before = readings.length;
    change('campaign_terms', { id: dearer.id });
    at.terms.push(terms({ ...dearer, id: id(12), priceMinor: 5_000, validFromMs: dearer.validFromMs + 1 }));
    change('campaign_terms', { id: id(12) });
    await soon(() => expect(lines.at(-1)).toContain('45.00 USD → 50.00 USD a call'));
    expect(lines).toHaveLength(3);
    // The event that came again was not even read for.
    expect(readings.slice(before)).toEqual(['terms']);
  });

  test('of terms of a campaign that is new the names are read first', async () => {
    await watch();
    await quiet();
    at.campaigns.push({ id: id(2), name: 'Gutters', buyer: 'Bolt' });
    at.terms.push(terms({ id: id(13), campaignId: id(2), madeMs: NOW_MS }));
    change('campaign_terms', { id: id(13) });
    await soon(() =>
      expect(lines.at(-1)).toContain('Gutters (Bolt): 40.00 USD a call since 1970-01-01 00:00Z'),
    );
  });

  test('a campaign that was renamed is called by its new name, without a reading', async () => {
    await watch();
    await quiet();
    const before = readings.length;
    change('campaigns', { id: ROOF.id, name: 'Roofs' });
    at.terms.push(dearer);
    change('campaign_terms', { id: dearer.id });
    await soon(() => expect(lines.at(-1)).toContain('Roofs (Acme): 40.00 USD → 45.00 USD'));
    expect(readings.slice(before)).toEqual(['terms']);
  });

  test('what stood open is counted at the start and not told, what opens is told, and again when it opens anew', async () => {
    at.breaks.push(broken('movement:old', NOW_MS - 60_000));
    await watch();
    await quiet();
    at.breaks.push(broken('movement:new'));
    change('reconciliation_breaks', { state: 'open' });
    await soon(() => expect(lines).toHaveLength(2));
    change('reconciliation_breaks', { state: 'closed' });
    at.breaks.push(broken('movement:new', NOW_MS + 1));
    change('reconciliation_breaks', { state: 'open' });
    await soon(() => expect(lines).toHaveLength(3));
    const told = '12:03:10  break     movement:new: amount, 12.00 USD, of Best Calls; stops payouts';
    expect(lines).toEqual([
      '12:03:10  open      breaks 1, calls for review 0, dead letters 0, proposals of terms 0',
      told,
      told,
    ]);
  });

  test('what happens while it starts is told, and what happened just before is not', async () => {
    at.terms.push(terms({ ...dearer, id: id(12), madeMs: NOW_MS - 1 }));
    at.breaks.push(broken('movement:old', NOW_MS - 1));
    // Between its start and its first reading of either table.
    whileStarting = () => {
      at.terms.push(dearer);
      at.breaks.push(broken('movement:new', NOW_MS + 5));
    };
    await watch();
    await quiet();
    await soon(() => expect(lines).toHaveLength(3));
    expect(lines.slice(1).sort()).toEqual([expect.stringContaining('movement:new'), DEARER]);
  });

  test('what happened while realtime was away is told once it is back', async () => {
    await watch();
    await quiet();
    const { port } = server;
    await server.stop();
    at.terms.push(dearer);
    at.breaks.push(broken('movement:new'));
    server = await startRealtimeServer(port);
    await soon(() => expect(lines).toHaveLength(3));
    expect(lines.slice(1).sort()).toEqual([expect.stringContaining('break'), DEARER]);
    await joined('campaign_terms');
    change('campaign_terms', { id: dearer.id });
    at.breaks.push(broken('movement:newer'));
    change('reconciliation_breaks', { state: 'open' });
    await soon(() => expect(lines.at(-1)).toContain('movement:newer'));
    expect(lines).toHaveLength(4);
  });

  test('of many events at once one reading follows that which is under way', async () => {
    await watch();
    await quiet();
    const before = readings.length;
    for (let nth = 0; nth < 100; nth += 1) {
      at.terms.push(terms({ id: id(100 + nth), validFromMs: nth + 1, madeMs: NOW_MS }));
      change('campaign_terms', { id: id(100 + nth) });
    }
    await soon(() => expect(lines).toHaveLength(101));
    expect(readings.length - before).toBeLessThan(20);
  });

  test('without realtime everything is polled, and nothing is connected to', async () => {
    await watch({ isOn: false, pollMs: 20 });
    at.terms.push(dearer);
    await soon(() => expect(lines.at(-1)).toBe(DEARER));
    expect(server.connections()).toBe(0);
  });

  test('without realtime campaigns are read at the start and for one that is not known, though everything else is polled', async () => {
    await watch({ isOn: false, pollMs: 20 });
    const count = (table: string) => readings.filter((one) => one === table).length;
    const polledAgain = () => {
      const before = count('terms');
      return soon(() => expect(count('terms')).toBeGreaterThan(before + 5));
    };
    await polledAgain();
    const atStart = count('campaigns');
    expect(atStart).toBeLessThanOrEqual(2);
    at.campaigns.push({ id: id(2), name: 'Gutters', buyer: 'Bolt' });
    at.terms.push(terms({ id: id(13), campaignId: id(2), madeMs: NOW_MS }));
    await soon(() => expect(lines.at(-1)).toContain('Gutters (Bolt): 40.00 USD a call'));
    expect(count('campaigns')).toBe(atStart + 1);
    // Of two that nobody has, which each poll shows again, it is looked for once.
    for (const nth of [14, 15])
      at.terms.push(terms({ id: id(nth), campaignId: id(nth + 90), madeMs: NOW_MS }));
    await soon(() => expect(lines.at(-1)).toContain(`${id(105)}: 40.00 USD a call`));
    await polledAgain();
    expect(count('campaigns')).toBe(atStart + 2);
  });

  test('without realtime a new name of a campaign is seen when the names are polled, and a failed reading is tried as soon as any', async () => {
    await watch({ isOn: false, pollMs: 20 }, 200);
    at.campaigns.splice(0, 1, { ...ROOF, name: 'Roofs' });
    const before = readings.filter((one) => one === 'campaigns').length;
    await soon(() =>
      expect(readings.filter((one) => one === 'campaigns').length).toBeGreaterThan(before + 1),
    );
    at.terms.push(dearer);
    await soon(() => expect(lines.at(-1)).toContain('Roofs (Acme): 40.00 USD → 45.00 USD'));
    at.isAway = true;
    await soon(() => expect(away).toEqual(['DATABASE_UNAVAILABLE']));
    const failed = readings.filter((one) => one === 'campaigns').length;
    const fromMs = performance.now();
    await soon(() =>
      expect(readings.filter((one) => one === 'campaigns').length).toBeGreaterThan(failed + 10),
    );
    expect(performance.now() - fromMs).toBeLessThan(11 * 200);
  });

  test('a database that is away is told once, and once that it is back; nothing is missed', async () => {
    await watch({ isOn: false, pollMs: 20 });
    at.isAway = true;
    await soon(() => expect(away).toEqual(['DATABASE_UNAVAILABLE']));
    at.terms.push(dearer);
    const before = readings.length;
    await soon(() => expect(readings.length).toBeGreaterThan(before + 10));
    at.isAway = false;
    await soon(() => expect(lines.at(-1)).toBe(DEARER));
    expect(away).toEqual(['DATABASE_UNAVAILABLE', null]);
  });

  test('a start without a database fails, and leaves nothing that runs', async () => {
    at.isAway = true;
    await expect(watch()).rejects.toThrow('The database does not answer.');
    expect(server.connections()).toBe(0);
    watching = undefined;
  });
});
