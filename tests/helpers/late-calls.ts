import { DAY_MS, dateAfter, type House } from './house.ts';

const HOUR_MS = 3_600_000;
export const DAILY = 'over-daily-cap';
export const ORDER = 'fraud.order-calls';
export const dayOf = (ms: number) => Math.floor(ms / DAY_MS) * DAY_MS;
const HOUR = `extract(hour from c.started_at at time zone 'UTC')::int`;

/** What tests of calls that come late ask of their house; calls are named by the hour of their start. */
export function lateCallsIn(openHouse: () => House) {
  return {
    /** Calls that start at these hours of the day, each rated before the next comes. */
    async callAt(
      { number }: { number: string },
      hours: readonly number[],
      dayMs = dayOf(openHouse().clock.nowMs()),
    ): Promise<void> {
      for (const hour of hours) {
        await openHouse().call({ number, startedAtMs: dayMs + hour * HOUR_MS });
        await openHouse().work();
      }
    },
    /** Of each call in the order of the starts: what its supplier earns, or why it is not paid for. */
    async outcomes(): Promise<string[]> {
      const rows = await openHouse().sql<{ hour: number; share: number | null; reason: string | null }>(
        `select ${HOUR} as hour, e.share_minor as share, s.reasons -> -1 ->> 'signal' as reason from calls c
           left join earnings e on e.call_id = c.id and e.state <> 'clawed_back'
           left join call_scores s on s.call_id = c.id and s.facts_version = c.facts_version order by c.started_at, c.id`,
      );
      return rows.map(({ hour, share, reason }) => `${hour} ${share ?? reason}`);
    },
    async adjustments(): Promise<string[]> {
      const rows = await openHouse().sql<{
        hour: number;
        cause: string;
        state: string;
        waits: string | null;
      }>(
        `select ${HOUR} as hour, cause, state, waits_for as waits from adjustments a join calls c on c.id = a.call_id
         order by asked_at, 1`,
      );
      return rows.map(({ hour, cause, state, waits }) => `${hour} ${cause} ${waits ?? state}`);
    },
    /** The units of the periods whose order is not reached. */
    async unordered(): Promise<string[]> {
      const rows = await openHouse().sql<{ unit: string }>(
        'select unit from unordered_periods order by unit',
      );
      return rows.map(({ unit }) => unit);
    },
    async idAt(hour: number): Promise<string> {
      const [row] = await openHouse().sql<{ id: string }>(`select id from calls c where ${HOUR} = ${hour}`);
      return row?.id ?? '';
    },
    totals: () =>
      openHouse()
        .simulator.journal.all('invoice')
        .map(({ total }) => total),
    async closeDays(first: number, last: number): Promise<void> {
      for (let day = first; day <= last; day += 1) await openHouse().close(dateAfter(day));
    },
    /** Ends the house; what the audit and the simulator find wrong in it. */
    async end(): Promise<readonly string[]> {
      const house = openHouse();
      const { failures } = await house.services.audit.run({ nowMs: house.clock.nowMs() });
      const wrong = house.simulator.journal.check();
      await house.end();
      return [...failures, ...wrong];
    },
  };
}
