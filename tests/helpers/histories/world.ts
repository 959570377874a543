import { randomUUID } from 'node:crypto';
import type { Fault } from '../../../sandbox/stripe/faults.ts';
import type { WorkItem } from '../../../src/integrations/supabase/work.ts';
import { wrongIn } from '../books.ts';
import { DAY_MS, dateAfter, type House, OPENS_MS, openHouse } from '../house.ts';
import { type Death, interrupting, killing } from '../killing.ts';
import { type CallFacts, makeMany, SECRET_KEY } from '../seeding.ts';
import { rawApi } from '../stripe.ts';

/** The last days have no events: what was begun comes to its end. */
export const EVENTFUL_DAYS = 5;
const QUIET_DAYS = 3;
/** No money comes of these: they count as done, to save time. */
const PASSED_OVER = ['analytics.roll-up-day', 'operations.audit-books'];
const ROUNDS = 12;
const MINUTE_MS = 60_000;
/** After so long Stripe has forgotten its keys. */
const GAP_MS = 25 * 60 * MINUTE_MS;

/** What happens to one run of a job: it stops at a step, and Stripe fails some of its requests. */
export interface Trouble {
  readonly step: Death | null;
  /** It does not die there: another worker does the whole work meanwhile, and it goes on as if nothing had been. */
  readonly overtaken: boolean;
  readonly fault: { readonly kind: Fault['kind']; readonly skip: number; readonly count: number } | null;
}

/** What happens to all in one night: one of the jobs of the close dies, or everybody stands still for a day. */
export interface Night {
  readonly death: (Death & { readonly job: string }) | null;
  readonly gap: boolean;
}

/** One buyer and one supplier, to whom one history happens. */
export interface Story {
  readonly buyer: string;
  readonly customer: string;
  readonly currency: string;
  readonly supplier: string;
  readonly account: string;
  /** Its own supplier's number, and one of the next story's supplier, so that invoices have two and suppliers two buyers. */
  readonly numbers: readonly string[];
  /** Who calls; of too many calls of one caller a person would be asked. */
  readonly caller: string;
  /** As they were reported, to be reported otherwise. */
  readonly calls: Required<Pick<CallFacts, 'number' | 'callId' | 'caller' | 'startedAtMs'>>[];
  /** By job: what waits for its next runs. */
  readonly troubles: Map<string, Trouble[]>;
}

export interface Step {
  readonly day: number;
  act(world: World, story: Story): Promise<void>;
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** A house with as many stories as there are histories; small limits, so that some wait for a person. */
export async function openWorld(count: number) {
  const house = await openHouse();
  await house.sql('update settings set approval_limit_minor = 12000, invoice_change_floor_minor = 6000');
  const stories = await makeStories(house, count);
  const ran: { readonly item: WorkItem; readonly atMs: number }[] = [];
  let death: Night['death'] = null;

  async function ownerOf({ payload }: WorkItem): Promise<Story | undefined> {
    const { invoiceId, payoutId, callId, topupId, campaignId } = payload as Record<
      string,
      string | undefined
    >;
    const [owner] = await house.sql<{ id: string }>(
      `select buyer_id as id from invoices where id = $1 union select supplier_id from payouts where id = $1
       union select supplier_id from calls where id = $1 union select buyer_id from topups where id = $1
       union select buyer_id from campaigns where id = $1`,
      [invoiceId ?? payoutId ?? callId ?? topupId ?? campaignId],
    );
    return stories.find(({ buyer, supplier }) => buyer === owner?.id || supplier === owner?.id);
  }

  async function runTroubled(item: WorkItem, { step, overtaken, fault }: Trouble): Promise<void> {
    if (fault !== null) house.simulator.faults.add({ ...fault, method: 'POST' });
    try {
      const { services } = overtaken
        ? interrupting(house.services, step, async () => void (await house.run(item)))
        : killing(house.services, step);
      await house.run(item, services);
    } finally {
      house.simulator.faults.clear();
    }
  }

  async function run(item: WorkItem): Promise<void> {
    ran.push({ item, atMs: house.clock.nowMs() });
    const trouble = (await ownerOf(item))?.troubles.get(item.job)?.shift();
    if (trouble !== undefined) return runTroubled(item, trouble);
    if (death?.job !== item.job) return void (await house.run(item));
    const { services } = killing(house.services, death);
    death = null;
    await house.run(item, services);
  }

  async function workOnce(): Promise<void> {
    const seen = new Set<string>();
    for (;;) {
      const nowMs = house.clock.nowMs();
      const due = await house.services.work.takeDue({ nowMs, handedBeforeMs: nowMs + 1, limit: 500 });
      const passed = due.filter(({ job }) => PASSED_OVER.includes(job));
      await house.services.work.finish(passed.map((item) => ({ ...item, result: 'passed over' })));
      const fresh = due.filter((item) => !passed.includes(item) && !seen.has(nameOf(item)));
      if (fresh.length === 0) return;
      for (const item of fresh) {
        seen.add(nameOf(item));
        await run(item);
      }
    }
  }

  async function night(day: number, given: Night | undefined): Promise<void> {
    death = given?.death ?? null;
    house.advanceTo(Date.parse(`${dateAfter(day)}T09:00:00Z`) + DAY_MS);
    for (let round = 0; round < ROUNDS; round += 1) {
      await house.tick();
      await workOnce();
      const [left] = await house.sql<{ n: number }>("select count(*) as n from work where state = 'due'");
      if (left?.n === 0) break;
      house.advance(round === 0 && given?.gap === true ? GAP_MS : 11 * MINUTE_MS);
    }
    const wrong = await wrongIn(house.sql);
    if (wrong.length > 0) throw new Error(`after the night of day ${day}: ${wrong.join('; ')}`);
  }

  return {
    house,
    stories,
    api: rawApi(house.simulator.url, SECRET_KEY),
    /** Hands out once more what was handed out three days ago or earlier, as it was then. */
    async replay(nth: number): Promise<void> {
      const old = ran.filter(({ atMs }) => atMs <= house.clock.nowMs() - 3 * DAY_MS);
      const again = old[nth % Math.max(old.length, 1)];
      if (again !== undefined) await house.run(again.item);
    },
    /** Lets every day pass, and then the quiet ones. */
    async live(histories: readonly (readonly Step[])[], nights: readonly Night[]): Promise<void> {
      for (let day = 0; day < EVENTFUL_DAYS; day += 1) {
        house.advanceTo(OPENS_MS + day * DAY_MS);
        for (const [index, story] of stories.entries()) {
          for (const step of histories[index] ?? []) if (step.day === day) await step.act(this, story);
        }
        await night(day, nights[day]);
      }
      for (const { supplier, troubles } of stories) {
        troubles.clear();
        await house.services.payouts.hold(supplier, false, 'ops', 'it is over', house.clock.nowMs());
      }
      await house.services.payouts.stop(false, 'ops', 'it is over', house.clock.nowMs());
      for (let day = 0; day < QUIET_DAYS; day += 1) await night(EVENTFUL_DAYS + day, undefined);
    },
  };
}

function nameOf({ job, key, generation }: WorkItem): string {
  return `${job}/${key}/${generation}`;
}

const RESERVES = [
  { reserveBps: 1_000, reserveDays: 1 },
  { reserveBps: 333, reserveDays: 0 },
  { reserveBps: 9_999, reserveDays: 3 },
  { reserveBps: 500, reserveDays: 30 },
];

/** Of a place what is sold there is taxed by so much. */
export const PLACES = {
  DE: { country: 'DE', state: null, percent: 19 },
  NY: { country: 'US', state: 'NY', percent: 8.875 },
  OR: { country: 'US', state: 'OR', percent: 0 },
} as const;
export const addressIn = ({ country, state }: { country: string; state: string | null }) => ({
  ...{ 'address[country]': country },
  ...(state === null ? {} : { 'address[state]': state }),
});

/** Prices and currencies differ from story to story, and not from run to run. */
async function makeStories(house: House, count: number): Promise<Story[]> {
  const makeOne = async () => ({ buyer: await house.buyer(), supplier: await house.supplier() });
  const parties = await makeMany(count, makeOne);
  // Of every second supplier something is held back, of some of them until a day that the world still sees.
  await house.put({
    suppliers: parties.flatMap(({ supplier: { id } }, index) =>
      index % 2 === 0 ? [{ id, name: `Supplier ${index}`, ...RESERVES[(index / 2) % RESERVES.length] }] : [],
    ),
  });
  const campaigns = parties.map((_, index) => ({
    id: randomUUID(),
    currency: index % 5 === 4 ? 'jpy' : index % 5 === 3 ? 'eur' : 'usd',
    priceMinor: 1_001 + ((index * 1_237) % 4_000),
  }));
  // Every third buyer has a wallet, which lasts for some calls.
  const walletOf = ({ currency, priceMinor }: { currency: string; priceMinor: number }) => ({
    [currency]: { lowWaterMinor: priceMinor, rechargeMinor: 2 * priceMinor + 500, mostPerDay: 3 },
  });
  await house.put({
    buyers: campaigns.flatMap((campaign, index) =>
      index % 3 === 2
        ? [{ id: parties[index]?.buyer.id ?? '', name: `Buyer ${index}`, prepaid: walletOf(campaign) }]
        : [],
    ),
  });
  // Another third is taxed, half of them in one place and half in another.
  for (const place of Object.values(PLACES)) house.simulator.faults.taxAt(place);
  const api = rawApi(house.simulator.url, SECRET_KEY);
  for (const [index, { buyer }] of parties.entries()) {
    const place = index % 2 === 0 ? PLACES.DE : PLACES.NY;
    await api('POST', `/v1/customers/${buyer.customer}`, addressIn(place));
    if (index % 3 !== 1) continue;
    await house.put({ buyers: [{ id: buyer.id, name: `Buyer ${index}`, automaticTax: true }] });
  }
  const numbers = campaigns.map((_, index) => [0, 1].map((which) => `+1833${2_000_000 + 2 * index + which}`));
  await house.put({
    campaigns: campaigns.map(({ id }, index) => ({
      ...{ id, buyerId: parties[index]?.buyer.id ?? '', name: `Campaign ${index}` },
    })),
    terms: campaigns.map(({ id, currency, priceMinor }, index) => ({
      ...{ id: randomUUID(), campaignId: id, validFromMs: Date.UTC(2026, 0), minDurationS: 30 },
      ...{ supplierShareBps: 7_000, currency, priceMinor },
      // Calls come late to every fourth campaign's cap, and to every second one's caller, and are put in the order of their starts.
      ...(index % 4 === 0 ? { dailyCap: 2 } : {}),
      duplicateWindowS: index % 2 === 0 ? 0 : 9_000,
    })),
    trackingNumbers: numbers.flatMap((own, index) =>
      own.map((number, which) => ({
        number,
        campaignId: campaigns[index]?.id ?? '',
        supplierId: parties[(index + which) % count]?.supplier.id ?? '',
      })),
    ),
  });
  return parties.map(({ buyer, supplier }, index) => ({
    ...{ buyer: buyer.id, customer: buyer.customer ?? '', supplier: supplier.id },
    currency: campaigns[index]?.currency ?? '',
    ...{ account: supplier.account ?? '', numbers: numbers[index] ?? [], calls: [], troubles: new Map() },
    caller: `+1212736${2_000 + index}`,
  }));
}
