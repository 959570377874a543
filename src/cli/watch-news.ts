import { z } from 'zod';
import { codeOf } from '../errors.ts';
import type { NewsStore, OpenCounts } from '../integrations/supabase/news.ts';
import { type RealtimeOptions, RealtimeService } from '../integrations/supabase/realtime.ts';
import {
  createTermsCache,
  type News,
  tellBreak,
  tellCall,
  tellLetter,
  tellProposal,
  tellTerms,
} from './watch-lines.ts';

export interface Watching {
  readonly news: NewsStore;
  /** The clock that rows are dated by. */
  readonly nowMs: () => number;
  readonly realtime: Omit<RealtimeOptions, 'nowMs'>;
  /** So often are the names of campaigns polled, which are read whole: they have no instant. Default 60,000. */
  readonly namesMs?: number;
  readonly onOpen: (open: OpenCounts) => void;
  readonly onNews: (news: News) => void;
  /** Told when something cannot be read, with the reason's code, and with null when everything can again. */
  readonly onAway: (code: string | null) => void;
}

type Table =
  | 'campaigns'
  | 'campaign_terms'
  | 'reconciliation_breaks'
  | 'calls'
  | 'dead_letters'
  | 'term_proposals';

/** What a later reading may show once more of the time before the start: above the overlap of two readings. */
const BEFORE_MS = 120_000;
/** More are forgotten, the oldest first: what a reading shows again is younger. */
const MOST_SEEN = 50_000;

/** Reads what is new of a table, each thing once, in the words of a line; keeps names and terms for that. */
function createNewsReader({ news, nowMs }: Pick<Watching, 'news' | 'nowMs'>) {
  const cache = createTermsCache();
  const seen = new Set<string>();
  /** Looked for and not found: a later reading that shows them again does not look once more. */
  const nameless = new Set<string>();
  async function know(campaignIds: readonly (string | null)[]): Promise<void> {
    const unknown = campaignIds.filter((id) => id !== null && !cache.knows(id) && !nameless.has(id));
    if (unknown.length === 0) return;
    await readers.campaigns();
    for (const id of unknown) if (id !== null && !cache.knows(id)) nameless.add(id);
  }
  const readers = {
    async campaigns(): Promise<News[]> {
      cache.keepCampaigns(await news.campaigns(nowMs()));
      return [];
    },
    async campaign_terms(sinceMs: number) {
      const found = await news.terms(sinceMs, nowMs());
      await know(found.map(({ campaignId }) => campaignId));
      cache.keepTerms(found);
      return found.map((one) => tellTerms(one, cache, nowMs()));
    },
    reconciliation_breaks: async (sinceMs: number) => (await news.breaks(sinceMs, nowMs())).map(tellBreak),
    async calls(sinceMs: number) {
      const found = await news.calls(sinceMs, nowMs());
      await know(found.map(({ campaignId }) => campaignId));
      return found.map((one) => tellCall(one, cache));
    },
    async dead_letters(sinceMs: number) {
      const found = await news.letters(sinceMs, nowMs());
      await know(found.map(({ whom }) => whom?.campaignId ?? null));
      return found.map((one) => tellLetter(one, cache));
    },
    async term_proposals(sinceMs: number) {
      const found = await news.proposals(sinceMs, nowMs());
      await know(found.map(({ campaignId }) => campaignId));
      return found.map((one) => tellProposal(one, cache));
    },
  } satisfies Record<Table, (sinceMs: number) => Promise<News[]>>;
  function isNew({ event, id }: News): boolean {
    const key = `${event} ${id}`;
    if (seen.has(key)) return false;
    seen.add(key);
    const [oldest] = seen;
    if (seen.size > MOST_SEEN && oldest !== undefined) seen.delete(oldest);
    return true;
  }
  return {
    cache,
    knowsTerms: (id: string) => seen.has(`terms ${id}`),
    /** What happened before `startedMs` is no news, though a later reading shows it too; what happens while this reads is. */
    async start(startedMs: number): Promise<void> {
      cache.keepTerms(await news.terms(null, nowMs()));
      for (const read of Object.values(readers))
        (await read(startedMs - BEFORE_MS)).filter(({ atMs }) => atMs < startedMs).forEach(isNew);
    },
    read: async (table: Table, sinceMs: number) => (await readers[table](sinceMs)).filter(isNew),
  };
}

/**
 * Tells how much stands open, and then what happens, each thing once, until it is closed: from Supabase's realtime where that is
 * on, polled else. Calls are polled always: each has several changes of which one in many holds it, and a stream of them all would
 * carry their callers' numbers.
 */
export async function watchNews(watching: Watching): Promise<{ close(): Promise<void> }> {
  const { news, nowMs, realtime, namesMs = 60_000, onOpen, onNews, onAway } = watching;
  const reader = createNewsReader(watching);
  const startedMs = nowMs();
  await reader.start(startedMs);
  onOpen(await news.countOpen(nowMs()));
  const away = new Set<Table>();
  function tellAway(table: Table, code: string | null): void {
    const before = away.size;
    if (code === null) away.delete(table);
    else away.add(table);
    if ((before === 0) !== (away.size === 0)) onAway(code);
  }
  const streamed = new RealtimeService({ ...realtime, nowMs });
  const polled = new RealtimeService({ ...realtime, nowMs, isOn: false });
  function subscribe<Row>(
    service: RealtimeService,
    table: Table,
    row: z.ZodType<Row>,
    isNews: (row: Row) => boolean,
    others: { readonly pollMs?: number } = {},
  ) {
    service.subscribeToTable({
      ...{ ...others, table, row, onRow: (one: Row) => (isNews(one) ? 'read' : undefined) },
      async reread(sinceMs: number | null) {
        try {
          for (const one of await reader.read(table, sinceMs ?? startedMs)) onNews(one);
          tellAway(table, null);
        } catch (error) {
          tellAway(table, codeOf(error, 'INTERNAL'));
          throw error;
        }
      },
    });
  }
  const ofState = z.object({ state: z.string() });
  subscribe(
    streamed,
    'campaigns',
    z.object({ id: z.uuid(), name: z.string() }),
    ({ id, name }) => !reader.cache.rename(id, name),
    { pollMs: namesMs },
  );
  subscribe(streamed, 'campaign_terms', z.object({ id: z.uuid() }), ({ id }) => !reader.knowsTerms(id));
  subscribe(streamed, 'reconciliation_breaks', ofState, ({ state }) => state === 'open');
  subscribe(streamed, 'term_proposals', ofState, ({ state }) => state === 'open');
  subscribe(
    streamed,
    'dead_letters',
    z.object({ decision: z.string().nullable() }),
    ({ decision }) => decision === null,
  );
  subscribe(polled, 'calls', z.unknown(), () => false);
  return {
    async close() {
      await Promise.all([streamed.close(), polled.close()]);
    },
  };
}
