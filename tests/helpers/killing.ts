import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import type { JobServices } from '../../src/services.ts';
import { type House, Killed } from './house.ts';

const WATCHED = [
  'work',
  'calls',
  'fraud',
  'review',
  'standings',
  'callLogs',
  'billing',
  'wallets',
  'adjustments',
  'payouts',
  'bankPayouts',
  'reconciliation',
  'deposits',
  'operations',
  'campaigns',
  'campaignBooks',
  'stripeEvents',
  'stripeEventList',
  'stripeInvoices',
  'stripeTopups',
  'stripeTransfers',
  'stripeBalance',
  'stripePayouts',
  'stripeWithdrawals',
] as const satisfies (keyof JobServices)[];

export type When = 'before' | 'after';

export interface Death {
  readonly call: number;
  readonly when: When;
}

type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * The same services, whose n-th call dies before its effect, or after it with its answer lost; `made` names the calls. Whoever
 * catches that has no effect any more: the dead make no further call.
 */
export function killing(services: JobServices, at: Death | null) {
  let isDead = false;
  const die = (name: string) => {
    isDead = true;
    throw new Killed(name);
  };
  return interrupting(services, at, die, (name) => {
    if (isDead) throw new Killed(name);
  });
}

/** The same, with something else than death before or after the n-th call; `atEach` comes before every call. */
export function interrupting(
  services: JobServices,
  at: Death | null,
  interrupt: (name: string) => void | Promise<void>,
  atEach: (name: string) => void = () => undefined,
) {
  const made: string[] = [];
  const watch = (name: string, method: Method): Method =>
    async function watched(...args) {
      atEach(name);
      made.push(name);
      const when = made.length === at?.call ? at.when : null;
      if (when === 'before') await interrupt(name);
      const answer = await method(...args);
      if (when === 'after') await interrupt(name);
      return answer;
    };
  const wrapped = WATCHED.map((name) => {
    const methods = Object.entries(services[name]).map(([method, call]) => [
      method,
      watch(`${name}.${method}`, call as unknown as Method),
    ]);
    return [name, Object.fromEntries(methods)];
  });
  return { made, services: Object.fromEntries(wrapped) as unknown as Partial<JobServices> };
}

/** Runs a row again and again, dying before and after its first call, its second, and so on to its end, with a pause after each; answers which calls it made. */
export async function dieAtEachStep(house: House, item: WorkItem, pauseMs = 0): Promise<string[]> {
  const steps = new Set<string>();
  for (let call = 1; ; call += 1) {
    const ends = [];
    for (const when of ['before', 'after'] as const) {
      const { made, services } = killing(house.services, { call, when });
      ends.push((await house.run(item, services)).end);
      for (const step of made) steps.add(step);
      house.advance(pauseMs);
    }
    if (!ends.includes('killed')) return [...steps];
  }
}

/** Runs a row as often as it takes, letting time pass while it waits. */
export async function finish(house: House, item: () => Promise<WorkItem>): Promise<void> {
  for (let runs = 0; runs < 6; runs += 1) {
    const { end, code } = await house.run(await item());
    if (end === 'finish') return;
    if (end !== 'wait') throw new Error(`it ends as ${end}, ${code}`);
    house.advance(11 * 60_000);
  }
  throw new Error('it waits for ever');
}
