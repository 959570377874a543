import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/**
 * What is counted for dashboards and alerts.
 *
 * Labels come from closed sets (jobs, codes, configured sources), never from outside: each new value would be a new
 * series for ever.
 */
export interface Metrics {
  /** One run ended; outcome is done, skip, snooze, failed or dead. */
  jobEnded(job: string, outcome: string): void;
  attemptFailed(job: string, code: string): void;
  deadLetter(job: string, code: string): void;
  webhookAnswered(source: string, statusCode: number): void;
  /** A webhook was good but for fields that its sender does not sign. */
  fieldsLeftOut(source: string): void;
  /** A page of this server failed by a fault of our own, or because something is away. */
  pageFailed(page: Page, code: string): void;
  integrationFailed(provider: string, code: string): void;
  /** Whether a provider that failed again and again is not asked for a while, by this process. */
  circuitOpen(provider: string, isOpen: boolean): void;
  /** What came of asking a provider about the caller of a call: known, away, over_budget, not_configured or no_number. */
  lookedUp(provider: string, state: string): void;
  /** So much was found of what a provider says it sent; outcome is read, missing, changed, absent, unreadable, foreign or ambiguous. */
  providerTold(source: string, outcome: string, count: number): void;
  /** Age of the oldest waiting job; 0 for an empty queue. */
  queueAge(queue: string, ageMs: number): void;
  /** How long a schedule is overdue; 0 when it is not. */
  scheduleLate(schedule: string, lateMs: number): void;
  /** How many calls wait for a person, and how long ago the oldest of them started; 0 when none does. */
  reviewQueue(calls: number, ageMs: number): void;
  /** All of it in the text format of Prometheus. */
  render(): Promise<{ contentType: string; text: string }>;
}

export type Page = 'board' | 'metrics' | 'health' | 'ops';

const makersOf = (registers: Registry[]) => ({
  counter: <const Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name: `callclear_${name}`, help, labelNames, registers }),
  gauge: <const Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `callclear_${name}`, help, labelNames, registers }),
});

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { counter, gauge } = makersOf([registry]);

  const jobs = counter('jobs_total', 'Runs of jobs by how they ended.', ['job', 'outcome']);
  const attempts = counter('attempt_failures_total', 'Failed attempts by error code.', ['job', 'code']);
  const letters = counter('dead_letters_total', 'Jobs that ended for good without success.', ['job', 'code']);
  const answers = counter('webhook_answers_total', 'Answers to webhooks.', ['source', 'status']);
  const leftOut = counter('webhook_fields_left_out_total', 'Webhooks with fields that are not signed.', [
    'source',
  ]);
  const pages = counter('page_failures_total', 'Pages that could not be served.', ['page', 'code']);
  const failures = counter('integration_failures_total', 'Failed calls of other services.', [
    'provider',
    'code',
  ]);
  const told = counter('provider_log_total', 'What providers say they sent, against what came.', [
    'source',
    'outcome',
  ]);
  const lookups = counter('lookups_total', 'What came of asking providers about callers.', [
    'provider',
    'state',
  ]);
  const circuits = gauge(
    'circuit_open',
    'Whether a provider that failed again and again is not asked: 1 or 0.',
    ['provider'],
  );
  const ages = gauge('queue_oldest_age_seconds', 'Age of the oldest waiting job.', ['queue']);
  const lateness = gauge('schedule_late_seconds', 'How long what a schedule should have begun is overdue.', [
    'schedule',
  ]);
  const reviewCalls = gauge('review_calls', 'Held calls that wait for a person.');
  const reviewAge = gauge('review_oldest_age_seconds', 'How long ago the oldest of them started.');

  return {
    jobEnded: (job, outcome) => jobs.inc({ job, outcome }),
    attemptFailed: (job, code) => attempts.inc({ job, code }),
    deadLetter: (job, code) => letters.inc({ job, code }),
    webhookAnswered: (source, statusCode) => answers.inc({ source, status: statusCode }),
    fieldsLeftOut: (source) => leftOut.inc({ source }),
    pageFailed: (page, code) => pages.inc({ page, code }),
    integrationFailed: (provider, code) => failures.inc({ provider, code }),
    circuitOpen: (provider, isOpen) => circuits.set({ provider }, isOpen ? 1 : 0),
    lookedUp: (provider, state) => lookups.inc({ provider, state }),
    providerTold: (source, outcome, count) => told.inc({ source, outcome }, count),
    queueAge: (queue, ageMs) => ages.set({ queue }, ageMs / 1_000),
    scheduleLate: (schedule, lateMs) => lateness.set({ schedule }, lateMs / 1_000),
    reviewQueue(calls, ageMs) {
      reviewCalls.set(calls);
      reviewAge.set(ageMs / 1_000);
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
