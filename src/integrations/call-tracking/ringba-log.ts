import { z } from 'zod';
import { ApiError } from '../../errors.ts';
import { type RefusalInside, refusalInside } from '../api-errors.ts';
import { tokenScheme } from '../credentials.ts';
import { type ClientParts, createApiClient } from '../http.ts';
import type { CallLog, LoggedCall } from './log.ts';
import { callerNumber, externalId, instant, MAX_DURATION_S, trackingNumber } from './report.ts';

export interface RingbaLogOptions extends ClientParts {
  /** `RA…` */
  readonly accountId: string;
  /** Newest first. */
  readonly apiTokens: readonly string[];
  readonly apiBase: string;
}

/** The most that a report may have. */
const PAGE_SIZE = 1_000;
const COLUMNS = ['inboundCallId', 'callDt', 'inboundPhoneNumber', 'number', 'hasConnected', 'isLive'];
const LENGTH = 'connectedCallLengthInSeconds';

/** The furthest from 1970 that a date can be. */
const FURTHEST_MS = 8.64e15;
const msAsText = z
  .number()
  .min(-FURTHEST_MS)
  .max(FURTHEST_MS)
  .transform((ms) => new Date(ms).toISOString());

const callSchema = z.object({
  inboundCallId: externalId,
  /** Milliseconds, or the same as text. */
  callDt: z.union([msAsText, z.string()]).pipe(instant),
  hasConnected: z.boolean(),
  [LENGTH]: z.number().min(0).max(MAX_DURATION_S).nullish(),
  number: trackingNumber.nullish().catch(null),
  inboundPhoneNumber: callerNumber.catch(null),
});
const underWay = z.object({ isLive: z.literal(true) });

interface Page {
  readonly records: readonly unknown[];
  /** Of the whole report, where it says so. */
  readonly totalCount: number | null;
}

const pageSchema = z
  .object({
    report: z.object({
      records: z.array(z.unknown()),
      totalCount: z.coerce.number().int().nullish().catch(null),
      partialResult: z.boolean().nullish(),
    }),
  })
  .transform(({ report: { records, totalCount, partialResult } }): Page | RefusalInside =>
    // What is missing in it would be taken for calls that Ringba does not know.
    partialResult === true
      ? refusalInside('partial_result', { ofEverybody: false, mayPass: true })
      : { records, totalCount: totalCount ?? null },
  );
const detailSchema = z.object({
  report: z.object({ records: z.array(z.object({ inboundCallId: z.string() })) }),
});

/**
 * The calls of Ringba's API v2, `calllogs`. Source: a client for PHP that is generated from Ringba's own collection of
 * requests (`reportStart` and `reportEnd` in UTC, `size` up to 1,000, `offset`, `orderByColumns`), and public clients of it
 * (columns, `callDt` in milliseconds, `Authorization: Token …`). `connectedCallLengthInSeconds` is how long caller and buyer
 * were connected, so that this log states talk. Not tried against Ringba: whether `reportEnd` is in the window (what is
 * outside is dropped here), and whether a call that was connected twice has two entries (the longest counts here).
 */
export function createRingbaLog({ accountId, apiTokens, apiBase, ...parts }: RingbaLogOptions): CallLog {
  const client = createApiClient({
    ...{ ...parts, provider: 'ringba-log', baseUrl: new URL(apiBase), tokens: () => apiTokens },
    authorize: tokenScheme,
  });
  const logs = `/v2/${encodeURIComponent(accountId)}/calllogs`;
  return {
    source: 'ringba',
    statesTalk: true,
    async readPage({ fromMs, beforeMs }, cursor, signal) {
      const offset = Number(cursor ?? 0);
      const json = {
        ...{ reportStart: new Date(fromMs).toISOString(), reportEnd: new Date(beforeMs).toISOString() },
        ...{ size: PAGE_SIZE, offset, formatTimespans: false },
        valueColumns: [...COLUMNS, LENGTH].map((column) => ({ column })),
        orderByColumns: [{ column: 'callDt', direction: 'asc' }],
      };
      const { records, totalCount } = await client.write({
        ...{ operation: 'calllogs.list', path: logs, body: { json }, repeatable: true },
        ...{ schema: pageSchema, signal },
      });
      const end = offset + records.length;
      const read = records
        .filter((one) => !underWay.safeParse(one).success)
        .map((one) => callSchema.safeParse(one));
      const found = read.flatMap(({ data }) => (data === undefined ? [] : [loggedCall(data)]));
      return {
        calls: longestOfEach(found.filter(({ startedAtMs: at }) => at >= fromMs && at < beforeMs)),
        // Fewer than were asked for may be a smaller page, and not the last one.
        next: records.length === 0 || end === totalCount ? null : String(end),
        unreadable: read.filter(({ success }) => !success).length,
      };
    },
    async has(id, signal) {
      try {
        const body = { json: { InboundCallIds: [id] } };
        const call = { operation: 'calllogs.detail', path: `${logs}/detail`, body, repeatable: true, signal };
        const { report } = await client.write({ ...call, schema: detailSchema });
        return report.records.some(({ inboundCallId }) => inboundCallId === id);
      } catch (error) {
        if (error instanceof ApiError && error.statusCode === 404) return false;
        throw error;
      }
    },
  };
}

function longestOfEach(calls: readonly LoggedCall[]): LoggedCall[] {
  const longest = new Map<string, LoggedCall>();
  for (const call of calls) {
    const known = longest.get(call.externalId);
    if (known === undefined || call.durationS > known.durationS) longest.set(call.externalId, call);
  }
  return [...longest.values()];
}

/** In the form of a webhook of Ringba's, which is what its source is read by. */
function loggedCall(call: z.output<typeof callSchema>): LoggedCall {
  const { inboundCallId, callDt: startedAtMs, number, inboundPhoneNumber, hasConnected: answered } = call;
  const durationS = Math.floor(call[LENGTH] ?? 0);
  return {
    ...{ externalId: inboundCallId, startedAtMs, durationS, answered },
    ...{ trackingNumber: number ?? null, callerNumber: inboundPhoneNumber },
    body: (statedAtMs) =>
      JSON.stringify({
        ...{ inboundCallId, number, inboundPhoneNumber, callDt: new Date(startedAtMs).toISOString() },
        [LENGTH]: String(durationS),
        ...(statedAtMs === null ? {} : { statedAt: new Date(statedAtMs).toISOString() }),
      }),
  };
}
