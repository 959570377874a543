import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { EVENTFUL_DAYS, type Step, type Story, type World } from './world.ts';

/** One thing that may happen to a buyer and its supplier on a day, before the close of its date. */
interface Command<Facts> {
  /** How often, beside the others. */
  readonly weight: number;
  readonly facts: fc.Arbitrary<Facts>;
  act(world: World, story: Story, facts: Facts): Promise<void>;
}

export const command = <Facts>(given: Command<Facts>) => ({
  weight: given.weight,
  named: (name: string): fc.Arbitrary<NamedStep> =>
    fc.record({ day: fc.nat(EVENTFUL_DAYS - 1), facts: given.facts }).map(({ day, facts }) => ({
      ...{ day, name, facts },
      act: (world, story) => given.act(world, story, facts),
    })),
});

export interface NamedStep extends Step {
  readonly name: string;
  readonly facts: unknown;
}

export const nth = fc.nat(5);
export const pick = <T>(all: readonly T[], index: number): T | undefined =>
  all[index % Math.max(all.length, 1)];

/** The story's invoices at Stripe in one of these states. */
export function invoicesOf({ house }: World, { customer }: Story, states: readonly string[]) {
  const all = house.simulator.journal.all('invoice');
  return all.filter((one) => one.customer === customer && states.includes(one.status));
}

export function chargesOf({ house }: World, { customer }: Story) {
  return house.simulator.journal.all('charge').filter((one) => one.customer === customer && one.paid);
}

/** The story's calls in the order of their starts; those that are owed, or all. */
export async function callsOf({ house }: World, { buyer }: Story, which = 'rated'): Promise<string[]> {
  const rows = await house.sql<{ id: string }>(
    `select id from calls c where buyer_id = $1 and ($2 = 'all' or exists (select 1 from earnings e where e.call_id = c.id
       and e.state <> 'clawed_back')) order by started_at, id`,
    [buyer, which],
  );
  return rows.map(({ id }) => id);
}

export async function giveCard({ api }: World, { customer }: Story, token: string): Promise<string> {
  const method = await api('POST', `/v1/payment_methods/${token}/attach`, { customer });
  return method.json().id;
}

export async function hintAt({ house }: World, objectId: string): Promise<void> {
  const eventId = `evt_${randomUUID()}`;
  const hint = { eventId, type: 'invoice.updated', objectId, account: null, livemode: false };
  const payload = { ...hint, createdMs: 0, receivedAtMs: house.clock.nowMs() };
  const item = { job: 'stripe.apply-event', key: eventId, generation: 1, payload, dueAtMs: 0, trace: 'hint' };
  for (let times = 0; times < 2; times += 1) await house.run(item);
}
