import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type CallLogServer, type KnownCall, startCallLogServer } from '../../sandbox/call-logs/server.ts';
import { createCallRailLog } from '../../src/integrations/call-tracking/callrail-log.ts';
import { createTwilioLog } from '../../src/integrations/call-tracking/twilio-log.ts';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { callRailEventId } from '../../src/integrations/webhooks/callrail.ts';
import { ingestCall } from '../../src/jobs/calls/ingest-call.job.ts';
import { reconcileCalls } from '../../src/jobs/reconciliation/reconcile-calls.job.ts';
import { contextFor } from '../../src/queues/run-job.ts';
import type { JobServices } from '../../src/services.ts';
import { wrongIn } from './books.ts';
import { DAY_MS, FIRST_DATE, type House, keepServer, OPENS_MS, openHouse } from './house.ts';
import { runContext } from './seeding.ts';

export const HOUR_MS = 3_600_000;
const ACCOUNT = 'ACC0123456789';
export const API_KEY = 'callrail-key-of-the-tests';
const SID = `AC${'0'.repeat(32)}`;
const AUTH_TOKEN = 'twilio-token-of-the-tests';

/** A call that ended on a day, as CallRail knows it. */
export function knownCall(number: string, startedAtMs: number, facts: Partial<KnownCall> = {}): KnownCall {
  return {
    externalId: `CAL${randomUUID().replaceAll('-', '')}`,
    trackingNumber: number,
    callerNumber: '+12127361234',
    startedAtMs,
    durationS: 120,
    answered: true,
    ...facts,
  };
}

/** Delivers the webhook of a call, as CallRail would send it at `statedAtMs`. */
export async function deliver(
  { services }: House,
  call: KnownCall,
  { kind = 'post_call', statedAtMs = call.startedAtMs + call.durationS * 1_000 + 5_000 } = {},
): Promise<void> {
  const at = (ms: number) => new Date(ms).toISOString();
  const report = {
    resource_id: call.externalId,
    tracking_phone_number: call.trackingNumber,
    customer_phone_number: call.callerNumber ?? 'anonymous',
    start_time: at(call.startedAtMs),
    created_at: at(call.startedAtMs),
    timestamp: at(statedAtMs),
    direction: 'inbound',
    duration: String(call.durationS),
    answered: call.answered,
  };
  const body = Buffer.from(JSON.stringify(report));
  const eventId = callRailEventId(body, report);
  const payload = { source: 'callrail', kind, eventId, receivedAtMs: services.clock.nowMs() };
  const context = contextFor(ingestCall, services, runContext({ trace: eventId }));
  await ingestCall.run({ ...payload, body: body.toString('base64') }, context);
}

/** Delivers what Twilio posts when the `<Dial>` to the buyer has ended. */
export async function deliverOfTwilio({ services }: House, call: KnownCall): Promise<void> {
  const form = new URLSearchParams({
    ...{ CallSid: call.externalId, Direction: 'inbound', To: call.trackingNumber },
    From: call.callerNumber ?? 'anonymous',
    DialCallStatus: call.answered ? 'completed' : 'no-answer',
    DialCallDuration: String(call.durationS),
  });
  const receivedAtMs = call.startedAtMs + call.durationS * 1_000;
  const body = Buffer.from(form.toString()).toString('base64');
  const event = { source: 'twilio', kind: 'dial_ended', eventId: `${call.externalId}.${randomUUID()}` };
  const context = contextFor(ingestCall, services, runContext({ trace: event.eventId }));
  await ingestCall.run({ ...event, receivedAtMs, body }, context);
}

/** CallRail's log over HTTP, with pages of three. */
const startCallRail = (calls: () => readonly KnownCall[]) =>
  startCallLogServer({ provider: 'callrail', account: ACCOUNT, tokens: [API_KEY], calls, mostPerPage: 3 });

export const readerOf = ({ url }: CallLogServer, apiKeys: readonly string[] = [API_KEY]) =>
  createCallRailLog({
    ...{ accountId: ACCOUNT, apiKeys, apiBase: url, retryBaseMs: 2 },
    onFailure: () => undefined,
  });

export const startTwilio = (calls: () => readonly KnownCall[]) =>
  startCallLogServer({ provider: 'twilio', account: SID, tokens: [AUTH_TOKEN], calls, mostPerPage: 3 });

export const twilioReaderOf = ({ url }: CallLogServer) =>
  createTwilioLog({
    ...{ source: 'twilio', accountSid: SID, authTokens: [AUTH_TOKEN], apiBase: url, retryBaseMs: 2 },
    onFailure: () => undefined,
  });

/** What the books know of the calls of a source, in the order of their starts. */
export const booksOf = ({ sql }: House, source: string) =>
  sql<{ externalId: string; recovered: boolean; durationS: number; answered: boolean; status: string }>(
    `select external_id as "externalId", recovered_at is not null as recovered, app.duration_known(c) as "durationS",
       app.answer_known(c) as answered, status from calls c where source = $1 order by started_at, external_id`,
    [source],
  );

export const idsOf = (calls: readonly KnownCall[]) => calls.map(({ externalId }) => externalId);

/**
 * For the tests of a file: before each a house with a road whose calls cost by the minute, and CallRail with a log of
 * `known`. After each the books are audited.
 */
export function withCallRail() {
  keepServer();
  let callers = 0;
  const at = {
    house: undefined as unknown as House,
    callrail: undefined as unknown as CallLogServer,
    /** The tracking number. */
    number: '',
    /** What the provider knows; may be changed at any time. */
    known: [] as readonly KnownCall[],
    /** The services that are not the house's own. */
    given: {} as Partial<JobServices>,
    /** So many calls of a day, a minute apart, each of another caller. */
    callsOfDay: (count: number, day = 0, facts: Partial<KnownCall> = {}) =>
      Array.from({ length: count }, (_, nth) => {
        const callerNumber = `+1212736${String(1_000 + (++callers % 9_000))}`;
        const startedAtMs = OPENS_MS + day * DAY_MS - HOUR_MS + nth * 60_000;
        return knownCall(at.number, startedAtMs, { callerNumber, ...facts });
      }),
    /** The night's work of a date, as it is due at this moment. */
    nightOf: (date: string): WorkItem => ({
      ...{ job: reconcileCalls.name, key: date, generation: 1, payload: { date }, trace: 'test' },
      dueAtMs: at.house.clock.nowMs(),
    }),
    /** Reads the log of a date in the morning after it, and takes in what it brings. */
    async reconcile(date = FIRST_DATE) {
      at.house.advanceTo(Math.max(at.house.clock.nowMs(), Date.parse(date) + DAY_MS + 6 * HOUR_MS));
      const ran = await at.house.run(at.nightOf(date), at.given);
      await at.house.work(at.given);
      return ran;
    },
    runOf: async (date = FIRST_DATE) => (await at.house.services.callLogs.report(date)).runs[0],
    breaksOf: async (date = FIRST_DATE) =>
      (await at.house.services.callLogs.report(date)).breaks.map(({ externalId, kind, state }) => ({
        ...{ externalId, kind, state },
      })),
  };
  beforeAll(async () => {
    at.callrail = await startCallRail(() => at.known);
  });
  afterAll(() => at.callrail.close());
  beforeEach(async () => {
    at.house = await openHouse();
    const terms = { minDurationS: 30, priceMinor: 100, incrementS: 60, minimumS: 60 };
    at.number = (await at.house.road(terms)).number;
    at.known = [];
    at.given = { callLogReaders: [readerOf(at.callrail)] };
    at.callrail.faults.clear();
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
