import type { LabelledCall } from '../../sandbox/traffic/labelled/labelled-call.ts';
import type { LabelledTraffic } from '../../sandbox/traffic/labelled/traffic.ts';
import { createCallsStore, type ScoringContext } from '../../src/integrations/supabase/calls.ts';
import { createFraudStore } from '../../src/integrations/supabase/fraud.ts';
import { decideCall } from '../../src/jobs/fraud/decide-call.ts';
import { parseRuleSet, rulesFor } from '../../src/jobs/fraud/rule-set.ts';
import { type Verdict, weigh } from '../../src/jobs/fraud/weigh.ts';
import type { TestDatabase } from '../helpers/database.ts';

const BATCH = 500;
const ROWS = 20_000;
/** The version that an exchange begins with; the databases of tests run another one. */
const DEFAULT_RULES = 1;

export interface ScoredCall {
  readonly call: LabelledCall;
  readonly context: ScoringContext;
  /** What the rules say of it, whatever its terms do. */
  readonly verdict: Verdict;
}

/** Stores parties and calls as their imports and webhooks would have, all of them unscored. */
export async function storeTraffic({ sql }: TestDatabase, traffic: LabelledTraffic): Promise<void> {
  const { suppliers, campaigns, calls } = traffic;
  const placements = suppliers.flatMap(({ id, placements }) =>
    placements.map(({ campaign, trackingNumber }) => ({ id, campaign: campaign.id, trackingNumber })),
  );
  const rows = (query: string, values: object[]) =>
    sql(query.replace('$rows', 'jsonb_to_recordset($1::jsonb)'), [JSON.stringify(values)]);
  await rows("insert into suppliers (id, name) select id, 'S ' || id from $rows r (id uuid)", [...suppliers]);
  await rows(
    `insert into buyers (id, name) select distinct "buyerId", 'B ' || "buyerId" from $rows r ("buyerId" uuid)`,
    [...campaigns],
  );
  await rows(
    `insert into campaigns (id, buyer_id, name, timezone, regions)
     select id, "buyerId", 'C ' || id, timezone, (select array_agg('US-' || s) from unnest(states) s)
     from $rows r (id uuid, "buyerId" uuid, timezone text, states text[])`,
    [...campaigns],
  );
  await rows(
    `insert into campaign_terms (campaign_id, valid_from, currency, price_minor, supplier_share_bps, min_duration_s, duplicate_window_s)
     select id, '2000-01-01', 'usd', 4000, 7000, "minDurationS", "duplicateWindowS"
     from $rows r (id uuid, "minDurationS" int, "duplicateWindowS" int)`,
    [...campaigns],
  );
  await rows(
    `insert into tracking_numbers (number, campaign_id, supplier_id) select "trackingNumber", campaign, id
     from $rows r (id uuid, campaign uuid, "trackingNumber" text)`,
    placements,
  );
  for (let from = 0; from < calls.length; from += ROWS) {
    await rows(
      `insert into calls (id, source, external_id, tracking_number, campaign_id, supplier_id, buyer_id, caller_number, started_at, duration_s,
         answered, caller_region, attestation, line_type, facts_at, business_date, trace, made_at, changed_at)
       select r.id, 'bench', r.id::text, "trackingNumber", "campaignId", "supplierId", k.buyer_id, "callerNumber", at, "durationS",
         answered, "callerRegion", attestation, "lineType", at, app.business_date(at), 't', at, at
       from $rows r (id uuid, "trackingNumber" text, "campaignId" uuid, "supplierId" uuid, "callerNumber" text, "startedAtMs" bigint,
           "durationS" int, answered boolean, "callerRegion" text, attestation text, "lineType" text)
         join campaigns k on k.id = "campaignId" cross join lateral app.at("startedAtMs") at`,
      calls.slice(from, from + ROWS).map((call, index) => ({ id: callIdOf(from + index), ...call })),
    );
  }
  await sql('analyze');
}

/** In the order of starts. */
export const callIdOf = (index: number) => `00000001-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;

/**
 * Scores all calls by the default rules, a business date after the other, as the product does: contexts by its one read, the
 * decision by its engine, profiles of suppliers when a date is done. Nothing is rated, so that nobody was paid for a caller before.
 */
export async function* scoreTraffic(
  { database, sql }: TestDatabase,
  traffic: LabelledTraffic,
): AsyncGenerator<ScoredCall[]> {
  const store = createCallsStore(database.rpc);
  const fraud = createFraudStore(database.rpc);
  const defaults = (await fraud.ruleSets([DEFAULT_RULES])).find(({ version }) => version === DEFAULT_RULES);
  const ruleSet = parseRuleSet(defaults?.rules);
  const ofDates = Map.groupBy(traffic.calls.keys(), (index) =>
    new Date(traffic.calls[index]?.startedAtMs ?? 0).toISOString().slice(0, 10),
  );
  for (const [date, indexes] of ofDates) {
    const decisions: {
      id: string;
      score: number;
      decision: keyof typeof STATUS;
      verdict: string;
      bySignals: string | null;
    }[] = [];
    for (let from = 0; from < indexes.length; from += BATCH) {
      const some = new Map(indexes.slice(from, from + BATCH).map((index) => [callIdOf(index), index]));
      const contexts = await store.scoringContext([...some.keys()]);
      const scored: ScoredCall[] = [];
      for (const context of contexts) {
        const call = traffic.calls[some.get(context.callId) ?? -1];
        if (call === undefined) throw new Error('a context of no call');
        const { score, decision, verdict: said, bySignals, signals } = decideCall(context, ruleSet);
        decisions.push({ id: context.callId, score, decision, verdict: said, bySignals });
        const verdict = weigh(signals, rulesFor(ruleSet, context.campaignId), context.snoozed);
        scored.push({ call, context, verdict });
      }
      if (scored.length !== some.size) throw new Error(`a batch of ${date} has calls without a context`);
      yield scored;
    }
    await sql(
      `with decided as (select * from jsonb_to_recordset($1::jsonb) r (id uuid, score int, decision text, verdict text, "bySignals" text)),
         scored as (insert into call_scores (call_id, facts_version, score, decision, reasons, scored_at, verdict, by_signals)
           select id, 1, score, decision, '[]', now(), verdict, "bySignals" from decided)
       update calls c set status = $2::jsonb ->> d.decision from decided d where c.id = d.id`,
      [JSON.stringify(decisions), JSON.stringify(STATUS)],
    );
    await fraud.profileSuppliers(date);
  }
}

const STATUS = { qualify: 'qualified', reject: 'rejected', hold: 'held' } as const;
