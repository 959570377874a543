import { createRandom, type Random } from '../../../sandbox/random.ts';
import type { Backend } from '../house.ts';

/** The parts of a campaign, in order; three days with calls, then quiet nights in which their money is paid out. */
export const PHASES = [
  'send 1',
  'close 1',
  'send 2',
  'close 2',
  'send 3',
  'close 3',
  'close 4',
  'close 5',
] as const;
export type Phase = (typeof PHASES)[number];

/** What a moment within a close refers to. */
export const CLOSE_STAGES = [
  'calls',
  'scores',
  'order',
  'billing',
  'money',
  'plan',
  'payouts',
  'report',
  'done',
] as const;
export type CloseStage = (typeof CLOSE_STAGES)[number];

export type Part =
  | 'server'
  | 'worker-1'
  | 'worker-2'
  | 'scheduler'
  | 'supabase'
  | 'stripe'
  | 'postgres'
  | 'redis';
/** Ways between the processes, each with a proxy: `database` is the one from the Supabase API to PostgreSQL. */
export type Door = 'queue' | 'api' | 'stripe' | 'database';

export type Blow =
  | { readonly kind: 'kill'; readonly target: Part; readonly restartAfterMs: number }
  | { readonly kind: 'suspend'; readonly target: Part; readonly lengthMs: number }
  | {
      readonly kind: 'cut' | 'freeze' | 'swallow' | 'delay';
      readonly target: Door;
      readonly lengthMs: number;
    }
  | {
      readonly kind: 'stripe';
      readonly target: string;
      readonly fault: string;
      readonly skip: number;
      readonly count: number;
    }
  | { readonly kind: 'full-disk'; readonly target: 'postgres' | 'redis'; readonly lengthMs: number };

export interface PlannedFault {
  /** 1 for the first in time. */
  readonly nth: number;
  readonly phase: Phase;
  /** From 0 to 1: the share of the webhooks that are answered, or of the stages of a close that are over. */
  readonly at: number;
  /** So long after that moment, so that not all faults of a stage hit the same line. */
  readonly afterMs: number;
  readonly blow: Blow;
}

interface ScheduleOptions {
  readonly seed: number;
  readonly kills: number;
  readonly backend: Backend;
  /** Longer than this a worker is suspended. */
  readonly lockMs: number;
  /** False draws another fault in place of a full disk. */
  readonly canFillDisk: boolean;
}

const PARTS: readonly Part[] = [
  ...(['worker-1', 'worker-1', 'worker-1', 'worker-2', 'worker-2', 'worker-2'] as const),
  ...(['server', 'server', 'postgres', 'postgres', 'supabase', 'supabase', 'stripe', 'stripe'] as const),
  ...(['redis', 'redis', 'scheduler'] as const),
];
const DOORS: readonly Door[] = ['queue', 'api', 'stripe', 'database'];
const STRIPE_FAULTS = [
  'error-before-commit',
  'error-after-commit',
  'cut-before-commit',
  'cut-after-commit',
  'garbage-answer',
  'stall',
  'rate-limit',
  'lock-timeout',
];
/** Ten drawn kinds, so that each weighs a tenth. */
const KINDS = [
  ...(['kill', 'kill', 'kill', 'kill', 'suspend', 'door', 'door', 'stripe', 'stripe'] as const),
  'full-disk',
] as const;

/** Which faults fall when: drawn from the seed alone, before anything is started. */
export function drawSchedule(options: ScheduleOptions): PlannedFault[] {
  const random = createRandom(options.seed ^ 0x5eed);
  const drawn = Array.from({ length: options.kills }, () => drawFault(options, random));
  return drawn
    .sort((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase) || a.at - b.at)
    .map((fault, index) => ({ nth: index + 1, ...fault }));
}

function drawFault(options: ScheduleOptions, random: Random): Omit<PlannedFault, 'nth'> {
  const kind = random.pick(KINDS);
  if (kind === 'stripe') return drawStripeFault(random);
  const phase = random.pick(PHASES);
  const moment = { phase, at: random.next(), afterMs: random.between(0, 250) };
  return { ...moment, blow: drawBlow(kind, options, random) };
}

function drawBlow(
  kind: 'kill' | 'suspend' | 'door' | 'full-disk',
  options: ScheduleOptions,
  random: Random,
): Blow {
  const { backend, lockMs, canFillDisk } = options;
  const lengthMs = random.between(500, 3_000);
  switch (kind) {
    case 'suspend':
      return { kind, target: random.pick(['worker-1', 'worker-2']), lengthMs: lockMs + lengthMs };
    case 'door':
      return {
        kind: random.pick(['cut', 'freeze', 'swallow', 'delay']),
        target: random.pick(DOORS),
        lengthMs,
      };
    case 'full-disk':
      if (canFillDisk)
        return {
          kind,
          target: backend === 'redis' ? random.pick(['postgres', 'redis']) : 'postgres',
          lengthMs,
        };
      return drawBlow('kill', options, random);
    case 'kill': {
      const drawn = random.pick(PARTS);
      // Without Redis the queue's store is PostgreSQL.
      const target = drawn === 'redis' && backend === 'postgres' ? 'postgres' : drawn;
      return { kind, target, restartAfterMs: random.between(50, 1_500) };
    }
  }
}

/** Faults of the simulator are laid before the close that they strike: invoices by night, transfers in the last ones. */
function drawStripeFault(random: Random): Omit<PlannedFault, 'nth'> {
  const isTransfer = random.next() < 0.5;
  const phase = random.pick<Phase>(isTransfer ? ['close 4', 'close 5'] : ['close 1', 'close 2', 'close 3']);
  const blow: Blow = {
    kind: 'stripe',
    target: isTransfer ? '/v1/transfers' : '/v1/invoice',
    fault: random.pick(STRIPE_FAULTS),
    skip: random.between(0, isTransfer ? 3 : 12),
    count: random.between(1, 2),
  };
  return { phase, at: 0, afterMs: 0, blow };
}

export function describeFault({ nth, phase, at, blow }: PlannedFault): string {
  const what = blow.kind === 'stripe' ? `${blow.fault} x${blow.count} after ${blow.skip}` : blow.kind;
  const length = 'lengthMs' in blow ? ` for ${blow.lengthMs} ms` : '';
  return `#${nth} ${phase} at ${Math.round(at * 100)} %: ${what} ${blow.target}${length}`;
}
