import { setTimeout as sleep } from 'node:timers/promises';
import { OutageError } from '../../src/errors.ts';
import { reconcileCalls } from '../../src/jobs/reconciliation/reconcile-calls.job.ts';
import { demoExchange, seedExchange } from '../seed.ts';
import { planTraffic, type TrafficDay } from '../traffic/plan.ts';
import { NOTHING_SENT, openProgress, type Progress } from '../traffic/progress.ts';
import { sendDeliveries } from '../traffic/send.ts';
import { isLost } from './call-logs.ts';
import type { Display } from './display.ts';
import { type BooksReader, type CloseNumbers, formatAmounts } from './numbers.ts';
import type { DemoStack } from './stack.ts';
import { dateAfter } from './state.ts';
import { playTroubles, withDeclinedCard, withTroubles } from './troubles.ts';

const HOUR_MS = 3_600_000;
/** When the day's calls are sent, as hours of their date. */
const EVENING_MS = 23.5 * HOUR_MS;
/** When a date's close is due, as hours of its date. */
const CLOSE_DUE_MS = (24 + 9) * HOUR_MS;
const CALL_DAYS = 3;
const POLL_MS = 50;
/** So long without progress, and business time is moved on and lost hints are looked for; */
const STUCK_MS = 4_000;
/** so much is moved each time, which is longer than the sweep waits before it looks for a row; */
const NUDGE_MS = 61_000;
/** and so long without any is a failure. */
const GIVE_UP_MS = 120_000;

export interface PlayedClose extends CloseNumbers {
  readonly date: string;
}

export interface Played {
  readonly days: readonly TrafficDay[];
  readonly progress: Progress;
  readonly closes: readonly PlayedClose[];
  readonly ingestMs: number;
  readonly closeMs: number;
}

interface Stage {
  readonly stack: DemoStack;
  readonly books: BooksReader;
  readonly display: Display;
}

/** Plays the three days and the quiet one after them; what is done already is passed over. */
export async function playDays(stage: Stage): Promise<Played> {
  const { stack, books, display } = stage;
  const { firstDate, seed, calls, fraudShare } = stack.state;
  const exchange = withTroubles(demoExchange(Date.parse(firstDate) - 24 * HOUR_MS));
  await seedOnce(stage, exchange);
  const dates = Array.from({ length: CALL_DAYS }, (_, nth) => dateAfter(firstDate, nth));
  const days = planTraffic({ seed, calls, fraudShare, dates, placements: exchange.placements, isLost });

  const closes: PlayedClose[] = [];
  const spent = { ingestMs: 0, closeMs: 0 };
  const timed = async <T>(what: keyof typeof spent, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const result = await work();
    spent[what] += performance.now() - startedMs;
    return result;
  };
  let progress = NOTHING_SENT;
  for (const [nth, day] of days.entries()) {
    progress = await timed('ingestMs', () => playDay(stage, days.slice(0, nth), day));
    await playTroubles(stage, exchange, { nth, date: day.date });
    await waitFor(stage, async () => (await books.countDue()) === 0);
    closes.push(await timed('closeMs', () => closeDate(stage, day.date)));
  }
  // The first day's charges are available by now, the second day's by the next close; the third day's stay pending.
  closes.push(await timed('closeMs', () => closeDate(stage, dateAfter(firstDate, CALL_DAYS))));
  await waitFor(stage, async () => (await books.countDue()) === 0);
  display.say('');
  return { days, progress, closes, ...spent };
}

async function seedOnce({ stack }: Stage, exchange: ReturnType<typeof demoExchange>): Promise<void> {
  if (stack.state.seeded) return;
  const { operations, fraud, clock } = stack.runtime.services;
  await seedExchange(exchange, {
    setup: withDeclinedCard(stack.stripeSetup),
    operations,
    fraud,
    nowMs: clock.nowMs(),
  });
  await stack.saveState({ ...stack.state, seeded: true });
}

/** Sends one date's calls in its evening and waits until each is scored. */
async function playDay(
  stage: Stage,
  before: readonly TrafficDay[],
  { date, deliveries, calls, known }: TrafficDay,
): Promise<Progress> {
  const { stack, display, books } = stage;
  stack.embedded.simulator.clock.advanceTo(Date.parse(date) + EVENING_MS);
  stack.logs.publish(known);
  const sending = display.step(`${date}  sending calls`, deliveries.length);
  let answered = 0;
  const progress = await sendDeliveries({
    deliveries,
    from: before.reduce((sum, day) => sum + day.deliveries.length, 0),
    baseUrl: stack.url,
    secrets: stack.secrets,
    progress: openProgress(`${stack.dataDir}/traffic.json`),
    onAnswered(more) {
      answered += more;
      sending.reach(answered);
    },
  });
  const events = [...before, { deliveries }].reduce((sum, day) => sum + countEvents(day.deliveries), 0);
  await waitFor(stage, async () => {
    const now = await books.ingest();
    return now.events >= events && now.unrated === 0 ? true : `${now.events} ${now.unrated}`;
  });
  sending.end(`${date}  ${calls.length} calls came in by ${deliveries.length} webhooks and are scored`);
  return progress;
}

/** Reports of calls that are events of their own: sent twice, one is still one. */
const countEvents = (deliveries: TrafficDay['deliveries']) =>
  deliveries.filter(({ kind }) => kind === 'report' || kind === 'modified').length;

const STAGES = ['calls', 'scores', 'order', 'billing', 'money', 'plan', 'payouts', 'report', 'done'];

async function closeDate(stage: Stage, date: string): Promise<PlayedClose> {
  const { stack, display, books } = stage;
  const { dispatcher, services } = stack.runtime;
  const { operations, clock } = services;
  stack.embedded.simulator.clock.advanceTo(Date.parse(date) + CLOSE_DUE_MS);
  await recoverCalls(stage, date);
  const closing = display.step(`${date}  nightly close`, STAGES.length - 1);
  await operations.startClose(date, clock.nowMs());
  dispatcher.wake();
  await waitFor(stage, async () => {
    const status = await operations.closeStatus(date);
    closing.reach(STAGES.indexOf(status?.stage ?? 'calls'));
    if (status?.state === 'done') return true;
    return `${status?.stage} ${status?.waitingFor.length}`;
  });
  const numbers = { date, ...(await books.closeNumbers(date)) };
  const billed = formatAmounts(numbers.billedMinor);
  const paidOut = formatAmounts(numbers.paidOutMinor);
  closing.end(
    `${date}  closed: ${numbers.invoices} invoices over ${billed}, ${numbers.payouts} payouts over ${paidOut}`,
  );
  return numbers;
}

/** On a loaded machine a store may not answer in time: the next nudge does what this one could not. */
async function unlessAway(work: () => Promise<unknown>): Promise<void> {
  await work().catch((error: unknown) => {
    if (!(error instanceof OutageError)) throw error;
  });
}

/** The night's reading of the providers' logs, which brings the calls that no webhook reported. */
async function recoverCalls(stage: Stage, date: string): Promise<void> {
  const { dispatcher, services } = stage.stack.runtime;
  const { schedules, clock, callLogs } = services;
  const night = { pipeline: reconcileCalls.name, from: date, to: date };
  const why = { by: 'demo', reason: 'in the demo no tick plans nights', dry: false };
  await schedules.backfill({ ...night, ...why }, clock.nowMs());
  dispatcher.wake();
  await waitFor(stage, async () => {
    const due = await stage.books.countDue();
    return due === 0 ? true : `${due} due`;
  });
  const { runs } = await callLogs.report(date);
  const sum = (count: 'read' | 'recovered') => runs.reduce((total, run) => total + run[count], 0);
  stage.display.say(
    `${date}  ${sum('read')} calls in the providers' logs, ${sum('recovered')} of them recovered from there`,
  );
}

/**
 * Polls until `look` answers true; any other answer is where it stands. When that does not change for a while, business
 * time moves on and the sweep looks for what a kill has lost: in production both happen by themselves, in minutes.
 */
async function waitFor({ stack }: Stage, look: () => Promise<true | string | false>): Promise<void> {
  const { clock } = stack.embedded.simulator;
  const { queueSweep, schedules } = stack.runtime.services;
  let standing: string | false = false;
  let movedMs = performance.now();
  let nudgedMs = movedMs;
  for (;;) {
    const seen = await look();
    if (seen === true) return;
    const nowMs = performance.now();
    if (seen !== standing) {
      standing = seen;
      movedMs = nowMs;
    }
    if (nowMs - movedMs > GIVE_UP_MS) throw new Error(`Nothing has moved for two minutes: ${standing}.`);
    if (nowMs - Math.max(movedMs, nudgedMs) > STUCK_MS) {
      nudgedMs = nowMs;
      clock.advanceTo(clock.nowMs() + NUDGE_MS);
      await unlessAway(() => queueSweep.sweep());
      await unlessAway(() => schedules.advanceRuns(clock.nowMs()));
    }
    await sleep(POLL_MS);
  }
}
