import type { Logger } from 'pino';
import { type AuditResult, openAudit } from './audit/audit.ts';
import type { CallLogSettings, Config } from './config.ts';
import type { CampaignSettings } from './config-campaigns.ts';
import { codeOf } from './errors.ts';
import type { CallEvent } from './http/receivers.ts';
import type { EventSinks } from './integrations/analytics/sinks.ts';
import type { CallLog } from './integrations/call-tracking/log.ts';
import { parseCallReport, type RawReport } from './integrations/call-tracking/parse.ts';
import type { CallReport } from './integrations/call-tracking/report.ts';
import type { CampaignBooks } from './integrations/campaigns/books.ts';
import type { LookupProvider, NumberLookup } from './integrations/fraud/lookup.ts';
import type { OpenTurns } from './integrations/http.ts';
import { createStripeAccounts, type StripeAccounts } from './integrations/stripe/accounts.ts';
import { createStripeBalance, type StripeBalance } from './integrations/stripe/balance.ts';
import { createStripeClient, type StripeClient } from './integrations/stripe/client.ts';
import { createStripeEventList, type StripeEventList } from './integrations/stripe/event-list.ts';
import { createStripeInvoices, type StripeInvoices } from './integrations/stripe/invoices.ts';
import { createStripePayouts, type StripePayouts } from './integrations/stripe/payouts.ts';
import { createStripeTopups, type StripeTopups } from './integrations/stripe/topups.ts';
import { createStripeTransfers, type StripeTransfers } from './integrations/stripe/transfers.ts';
import type { StripeRates } from './integrations/stripe/turns.ts';
import { createStripeWithdrawals, type StripeWithdrawals } from './integrations/stripe/withdrawals.ts';
import { type AdjustmentsStore, createAdjustmentsStore } from './integrations/supabase/adjustments.ts';
import { type BankPayoutsStore, createBankPayoutsStore } from './integrations/supabase/bank-payouts.ts';
import { type BillingStore, createBillingStore } from './integrations/supabase/billing.ts';
import { type BreaksStore, createBreaksStore } from './integrations/supabase/breaks.ts';
import {
  type CallLogsStore,
  createCallLogsStore,
  createStripeEventsStore,
  type StripeEventsStore,
} from './integrations/supabase/call-logs.ts';
import { type CallsStore, createCallsStore } from './integrations/supabase/calls.ts';
import { type CampaignsStore, createCampaignsStore } from './integrations/supabase/campaigns.ts';
import { type CashDaysStore, createCashDaysStore } from './integrations/supabase/cash-days.ts';
import { createDatabase } from './integrations/supabase/client.ts';
import { createDepositsStore, type DepositsStore } from './integrations/supabase/deposits.ts';
import { createEventSinksStore, type EventSinksStore } from './integrations/supabase/event-sinks.ts';
import { createFraudStore, type FraudStore } from './integrations/supabase/fraud.ts';
import { createLedgerStore, type LedgerStore } from './integrations/supabase/ledger.ts';
import { createLetterStore, type LetterStore } from './integrations/supabase/letters.ts';
import { createLookupsStore, type LookupsStore } from './integrations/supabase/lookups.ts';
import { createNewsStore, type NewsStore } from './integrations/supabase/news.ts';
import { createOperationsStore, type OperationsStore } from './integrations/supabase/operations.ts';
import { createPayoutsStore, type PayoutsStore } from './integrations/supabase/payouts.ts';
import {
  createReconciliationStore,
  type ReconciliationStore,
} from './integrations/supabase/reconciliation.ts';
import { createReviewStore, type ReviewStore } from './integrations/supabase/review.ts';
import type { Rpc } from './integrations/supabase/rpc.ts';
import { createSchedulesStore, type SchedulesStore } from './integrations/supabase/schedules.ts';
import { createStandingsStore, type StandingsStore } from './integrations/supabase/standings.ts';
import { createStatementsStore, type StatementsStore } from './integrations/supabase/statements.ts';
import { createTraceStore, type TraceStore } from './integrations/supabase/trace.ts';
import { createStripeTurns } from './integrations/supabase/turns.ts';
import { createWalletsStore, type WalletsStore } from './integrations/supabase/wallets.ts';
import { createWorkStore, type WorkStore } from './integrations/supabase/work.ts';
import { ingestCall } from './jobs/calls/ingest-call.job.ts';
import { type Watch, watchAll } from './kill-point.ts';
import { openCallLogs, openCampaigns, openEvents, openLookups, type ToldOfFailure } from './providers.ts';
import type { QueueBackend } from './queues/connection.ts';
import { sealPayload } from './queues/envelope.ts';
import { sealText } from './queues/seal.ts';
import type { SweepReport } from './queues/sweep.ts';

/** Where instants come from; the demo and the tests move it. */
export interface Clock {
  nowMs(): number;
}

/** What jobs may use; each says which in its `uses`. */
export interface JobServices {
  readonly log: Logger;
  readonly clock: Clock;
  readonly work: WorkStore;
  /** What operators read of dead letters. */
  readonly deadLetters: LetterStore;
  readonly calls: CallsStore;
  readonly fraud: FraudStore;
  readonly review: ReviewStore;
  readonly standings: StandingsStore;
  readonly callLogs: CallLogsStore;
  /** The logs of calls that are configured. */
  readonly callLogReaders: readonly CallLog[];
  /** A report of a call as the work of taking it in, sealed as the queue's. */
  readonly callEvents: {
    toWork(event: CallEvent): { key: string; payload: Record<string, unknown>; trace: string };
  };
  /** What providers said of numbers, and what asking them may cost. */
  readonly lookups: LookupsStore;
  /** The services that know numbers; null is one that is not configured. */
  readonly lookupProviders: Readonly<Record<LookupProvider, NumberLookup | null>>;
  readonly campaigns: CampaignsStore;
  /** The platforms whose offers campaigns are. */
  readonly campaignBooks: CampaignBooks;
  readonly billing: BillingStore;
  readonly wallets: WalletsStore;
  readonly adjustments: AdjustmentsStore;
  readonly payouts: PayoutsStore;
  readonly bankPayouts: BankPayoutsStore;
  readonly reconciliation: ReconciliationStore;
  readonly breaks: BreaksStore;
  readonly cashDays: CashDaysStore;
  readonly deposits: DepositsStore;
  readonly operations: OperationsStore;
  readonly schedules: SchedulesStore;
  readonly ledger: LedgerStore;
  readonly stripeEvents: StripeEventsStore;
  readonly stripeEventList: StripeEventList;
  /** Of this deployment; events of the other mode come to its endpoints too. */
  readonly stripeMode: { readonly livemode: boolean };
  readonly news: NewsStore;
  readonly traces: TraceStore;
  readonly statements: StatementsStore;
  readonly stripeInvoices: StripeInvoices;
  readonly stripeTopups: StripeTopups;
  readonly stripeTransfers: StripeTransfers;
  readonly stripeAccounts: StripeAccounts;
  readonly stripeBalance: StripeBalance;
  readonly stripePayouts: StripePayouts;
  readonly stripeWithdrawals: StripeWithdrawals;
  /** Who is told of business events, and the table of them. */
  readonly eventSinks: EventSinks;
  readonly eventSinkStore: EventSinksStore;
  readonly callReports: { parse(report: RawReport): CallReport };
  readonly bodies: { seal(plain: string): string };
  /** Counts what was found of what a provider says it sent. */
  readonly found: { count(source: string, outcome: string, count: number): void };
  /** Reads books and Stripe a second time, by clients of its own. */
  readonly audit: { run(options: { nowMs: number }): Promise<AuditResult> };
  /** Makes rows, queue and dead letters agree. */
  readonly queueSweep: { sweep(): Promise<SweepReport> };
}

/** What everything stands on: a Supabase project, a queue and a Stripe account, or what stands in for them. */
export interface Platform {
  readonly database: {
    readonly url: string;
    readonly secretKey: string;
    readonly fetch?: typeof globalThis.fetch;
  };
  readonly queue: QueueBackend;
  readonly stripe: {
    readonly secretKey: string;
    readonly apiBase: string | null;
    readonly livemode: boolean;
    /** Of all processes together; absent without a limit. */
    readonly rates?: StripeRates;
  };
  /** Providers whose own log of calls is read; what is absent is not. */
  readonly callLogs?: CallLogSettings;
  /** Services that know numbers; without, none is asked. */
  readonly lookups?: Config['lookups'];
  /** Senders of calls that the configuration describes. */
  readonly hmacReceivers?: Config['hmacReceivers'];
  /** Platforms whose offers campaigns are; without, none is asked. */
  readonly campaigns?: CampaignSettings;
  /** Who is told of business events; without, nobody is. */
  readonly events?: Config['events'];
  readonly clock: Clock;
}

interface IntegrationOptions {
  readonly bodyKeys: readonly Uint8Array[];
  readonly log: Logger;
  /** The lines of the providers that are asked, in the queue's store; null is without limits. */
  readonly openTurns: OpenTurns | null;
  /** Told of every failed call of another service: counted by our own code, logged with the rest. */
  readonly onFailure: ToldOfFailure;
  /** Told at the start, and at each change, whether a provider is not asked for a while because it fails. */
  readonly onCircuit?: (provider: string, isOpen: boolean) => void;
  /** Told what came of asking a provider about the caller of a call: known, away, over_budget, not_configured or no_number. */
  readonly onLookup?: (provider: string, state: string) => void;
  /** Told of what was found of what a provider says it sent. */
  readonly onFound?: (source: string, outcome: string, count: number) => void;
  /** Given in tests that kill the process at a boundary. */
  readonly watch?: Watch | undefined;
}

/** Below the shortest timeout of a job that sends money. */
const STRIPE_TIMEOUT_MS = 20_000;

/** Builds the clients of the database and of Stripe, and the stores over them. They hold no connection open. */
export function createIntegrations(
  { database, stripe, callLogs, lookups, campaigns, hmacReceivers, events, clock }: Platform,
  options: IntegrationOptions,
): Omit<JobServices, 'queueSweep'> {
  const { bodyKeys, log, onFailure, onFound = () => undefined, watch } = options;
  const { rpc } = createDatabase({
    ...database,
    onFailure: ({ request, error }) => onFailure('database', request, codeOf(error, 'DATABASE_REFUSED')),
  });
  const requests = createStripeClient({
    secretKey: stripe.secretKey,
    apiBase: stripe.apiBase === null ? null : new URL(stripe.apiBase),
    livemode: stripe.livemode,
    timeoutMs: STRIPE_TIMEOUT_MS,
    turns: stripe.rates === undefined ? undefined : createStripeTurns(rpc, stripe.rates),
    onFailure: ({ operation, code }) => onFailure('stripe', operation, code),
  });
  const client = watch?.('stripe', requests) ?? requests;
  const services = {
    log,
    clock,
    work: createWorkStore(rpc, clock),
    deadLetters: createLetterStore(rpc),
    calls: createCallsStore(rpc),
    fraud: createFraudStore(rpc),
    review: createReviewStore(rpc),
    standings: createStandingsStore(rpc),
    callLogs: createCallLogsStore(rpc),
    callLogReaders: openCallLogs(callLogs, options),
    callEvents: { toWork: (event: CallEvent) => workOfCall(event, bodyKeys) },
    lookups: createLookupsStore(rpc, options.onLookup),
    lookupProviders: openLookups(lookups, options),
    campaigns: createCampaignsStore(rpc),
    campaignBooks: openCampaigns(campaigns, options),
    billing: createBillingStore(rpc),
    wallets: createWalletsStore(rpc),
    adjustments: createAdjustmentsStore(rpc),
    payouts: createPayoutsStore(rpc),
    bankPayouts: createBankPayoutsStore(rpc),
    reconciliation: createReconciliationStore(rpc),
    breaks: createBreaksStore(rpc),
    cashDays: createCashDaysStore(rpc),
    deposits: createDepositsStore(rpc),
    operations: createOperationsStore(rpc),
    schedules: createSchedulesStore(rpc),
    ledger: createLedgerStore(rpc),
    stripeEvents: createStripeEventsStore(rpc),
    stripeMode: { livemode: stripe.livemode },
    ...toRead(rpc),
    ...overStripe(client),
    eventSinks: openEvents(events, options),
    eventSinkStore: createEventSinksStore(rpc),
    callReports: { parse: (report: RawReport) => parseCallReport(report, hmacReceivers) },
    bodies: { seal: (plain: string) => sealText(plain, bodyKeys, 'webhook-body') },
    found: { count: onFound },
    audit: openAudit({ database, stripe }),
  };
  return watch === undefined ? services : watchAll(services, watch);
}

const overStripe = (client: StripeClient) => ({
  stripeEventList: createStripeEventList(client),
  stripeInvoices: createStripeInvoices(client),
  stripeTopups: createStripeTopups(client),
  stripeTransfers: createStripeTransfers(client),
  stripeAccounts: createStripeAccounts(client),
  stripeBalance: createStripeBalance(client),
  stripePayouts: createStripePayouts(client),
  stripeWithdrawals: createStripeWithdrawals(client),
});

/** What people read, and nothing that decides. */
const toRead = (rpc: Rpc) => ({
  news: createNewsStore(rpc),
  traces: createTraceStore(rpc),
  statements: createStatementsStore(rpc),
});

/** As the receiver hands it over, in the form that a row may hold. */
function workOfCall(event: CallEvent, bodyKeys: readonly Uint8Array[]) {
  const key = ingestCall.keyOf(event);
  return { key, payload: sealPayload(ingestCall, key, event, bodyKeys), trace: key };
}
