import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openEventSinks } from '../../src/integrations/analytics/sinks.ts';
import { wrongIn } from '../helpers/books.ts';
import { type EventReceiver, startEventReceiver } from '../helpers/event-receiver.ts';
import { dateAfter, type House, keepServer, openHouse } from '../helpers/house.ts';

const SECRET = `whsec_${Buffer.from('secret'.repeat(5)).toString('base64')}`;
const CAPTURE = 'analytics.capture-event';
const DELIVER = 'analytics.deliver-event';

keepServer();
let house: House;
let receiver: EventReceiver;
let tracker: EventReceiver;
let given: Parameters<House['work']>[0];

const sinksTo = (url: string) =>
  openEventSinks(
    {
      posthog: { key: 'phc_not-a-key', host: tracker.origin },
      webhooks: [{ name: 'one', url, secrets: [SECRET] }],
    },
    // None of these tests is about the circuit.
    () => ({ onFailure: () => undefined, circuit: { failures: 1_000, onChange: () => undefined } }),
  );
const store = () => house.services.eventSinkStore;
const tell = (sinks: Parameters<ReturnType<typeof store>['ensure']>[0]) =>
  store().ensure(sinks, house.clock.nowMs());
const tellAll = () => tell(sinksTo(receiver.url).configured);

beforeEach(async () => {
  [house, receiver, tracker] = await Promise.all([openHouse(), startEventReceiver(), startEventReceiver()]);
  given = { eventSinks: sinksTo(receiver.url), log: pino({ level: 'silent' }) };
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
  } finally {
    await Promise.all([house.end(), receiver.close(), tracker.close()]);
  }
});

const rows = () =>
  house.sql<{ job: string; kind: string; state: string; result: string | null }>(
    `select job, payload #>> '{event,kind}' as kind, state, result from work where job in ($1, $2) order by job, kind, id`,
    [CAPTURE, DELIVER],
  );
const kindsOf = (job: string) =>
  rows().then((all) => all.filter((row) => row.job === job).map(({ kind }) => kind));
const sent = () =>
  receiver.received.map(({ body }) => z.object({ type: z.string() }).parse(JSON.parse(body)).type).sort();
const captured = () =>
  tracker.received
    .flatMap(
      ({ body }) =>
        z.object({ batch: z.array(z.object({ event: z.string() })) }).parse(JSON.parse(body)).batch,
    )
    .map(({ event }) => event)
    .sort();

/** One difference as a comparison finds it. */
const findBreak = (identity: string, kind = 'missing_in_ledger') =>
  house.sql(
    `insert into reconciliation_breaks (identity, kind, currency, amount_minor, evidence, day, gates, changed_by, first_seen_at, last_seen_at)
     values ($1, $2, 'usd', 700, '{}', '2026-11-02', true, 'test', app.at($3), app.at($3))`,
    [identity, kind, house.clock.nowMs()],
  );

describe('what happens in the business', () => {
  test('a call that qualifies, its invoice and its payout are told once each, to each sink, with no number of a telephone', async () => {
    await tellAll();
    const { number } = await house.road({ card: 'pm_card_bypassPending' });
    const caller = '+12127369876';
    await house.call({ number, caller });
    for (const day of [0, 1, 2, 3]) await house.close(dateAfter(day), given);
    await house.work(given);
    const all = ['call.qualified', 'invoice.paid', 'payout.sent'];
    expect(await kindsOf(CAPTURE)).toEqual(all);
    expect(await kindsOf(DELIVER)).toEqual(all);
    expect(sent()).toEqual(all);
    expect(captured()).toEqual(all);
    const bodies = [...receiver.received, ...tracker.received].map(({ body }) => body).join('\n');
    for (const hidden of [number, caller]) expect(bodies).not.toContain(hidden.slice(1));
    const data = receiver.received.map(
      ({ body }) => z.looseObject({ data: z.looseObject({}) }).parse(JSON.parse(body)).data,
    );
    expect(data).toContainEqual(
      expect.objectContaining({ priceMinor: 4_000, shareMinor: 2_800, durationS: 120 }),
    );
    expect(data).toContainEqual(expect.objectContaining({ amountMinor: 4_000, taxMinor: 0 }));
    expect(data).toContainEqual(expect.objectContaining({ amountMinor: 2_800 }));
  });

  test('the row of an event stands in the transaction of what happened: without the one there is not the other', async () => {
    await tellAll();
    await expect(
      house.sql(`do $$ begin
        insert into public.reconciliation_breaks (identity, kind, currency, amount_minor, evidence, day, gates, changed_by, first_seen_at, last_seen_at)
        values ('x', 'amount', 'usd', 1, '{}', '2026-11-02', true, 'test', now(), now());
        raise exception 'it did not happen'; end $$`),
    ).rejects.toThrow('it did not happen');
    expect(await rows()).toEqual([]);
  });

  test('a break is told when it opens and when it opens again, and not while its other side is not due', async () => {
    await tellAll();
    await findBreak('a');
    await findBreak('b', 'expected');
    expect(await kindsOf(DELIVER)).toEqual(['break.opened']);
    const seen = (state: string, closedAt: string) =>
      house.sql(
        `update reconciliation_breaks set state = $1, closed_at = ${closedAt}, last_seen_at = app.at($2) where identity = 'a'`,
        [state, house.clock.nowMs()],
      );
    await seen('open', 'null');
    house.advance(60_000);
    await seen('closed', 'now()');
    expect(await kindsOf(DELIVER)).toEqual(['break.opened']);
    house.advance(60_000);
    await seen('open', 'null');
    await house.sql(`update reconciliation_breaks set kind = 'missing_in_stripe' where identity = 'b'`);
    expect(await kindsOf(DELIVER)).toEqual(['break.opened', 'break.opened', 'break.opened']);
  });

  test('a call that is booked anew is not told again', async () => {
    await tellAll();
    const { number } = await house.road();
    await house.call({ number });
    await house.work(given);
    const [{ id } = { id: '' }] = await house.sql<{ id: string }>('select id::text from calls');
    await house.sql(
      `insert into earnings select (e).* from (select jsonb_populate_record(e, '{"id": "00000000-0000-4000-8000-000000000001", "state": "clawed_back"}') as e
         from earnings e where call_id = $1) x`,
      [id],
    );
    expect(await kindsOf(DELIVER)).toEqual(['call.qualified']);
    await house.sql(`alter table earnings disable trigger all`);
    await house.sql(`delete from earnings where state = 'clawed_back'`);
  });

  test('without a sink there is no row of it', async () => {
    await findBreak('a');
    expect(await rows()).toEqual([]);
  });
});

describe('who is told', () => {
  test('is whom any worker has: one that starts without a sink takes nothing from those that have it', async () => {
    await tellAll();
    await tell([]);
    await tell(sinksTo(receiver.url).configured.slice(0, 1));
    await findBreak('a');
    expect((await rows()).map(({ job }) => job)).toEqual([CAPTURE, DELIVER]);
  });

  test('is nobody whom no worker had for six hours; who comes again is told again', async () => {
    await tellAll();
    const only = sinksTo(receiver.url).configured.slice(0, 1);
    for (let hours = 1; hours <= 7; hours += 1) {
      house.advance(3_600_000);
      await tell(only);
    }
    await findBreak('a');
    expect((await rows()).map(({ job }) => job)).toEqual([CAPTURE]);
    await tellAll();
    await findBreak('b');
    expect((await rows()).map(({ job }) => job)).toEqual([CAPTURE, CAPTURE, DELIVER]);
  });

  test('an endpoint that answers 410 gets nothing more until it has another address, and its siblings do', async () => {
    await tellAll();
    receiver.behaves.status = 410;
    await findBreak('a');
    await findBreak('b');
    await house.work(given);
    expect((await rows()).map(({ job, result }) => [job, result])).toEqual([
      [CAPTURE, 'done'],
      [CAPTURE, 'done'],
      [DELIVER, 'gone'],
      [DELIVER, 'gone'],
    ]);
    await tellAll();
    await findBreak('c');
    expect(await kindsOf(DELIVER)).toHaveLength(2);
    expect(await kindsOf(CAPTURE)).toHaveLength(3);
    await tell(sinksTo(`${receiver.url}/new`).configured);
    await findBreak('d');
    expect(await kindsOf(DELIVER)).toHaveLength(3);
    // A worker that has the old address still is answered late: that is nothing of the new one.
    await house.work(given);
    await findBreak('e');
    expect(await kindsOf(DELIVER)).toHaveLength(4);
  });

  const withoutSinks = () => ({
    ...given,
    eventSinks: openEventSinks({ posthog: null, webhooks: [] }, () => ({ onFailure: () => undefined })),
  });

  test('an event of a sink that this worker does not have waits for one that has it', async () => {
    await tellAll();
    await findBreak('a');
    const ran = await house.work(withoutSinks());
    expect(ran.map(({ end, code }) => [end, code])).toEqual([
      ['wait', 'not_configured_here'],
      ['wait', 'not_configured_here'],
    ]);
    await house.work(given);
    expect(sent()).toEqual(['break.opened']);
    expect(captured()).toEqual(['break.opened']);
  });

  test('an event of a sink that nobody has any more is left', async () => {
    await tellAll();
    await findBreak('a');
    house.advance(7 * 3_600_000);
    await tell([]);
    await house.work(withoutSinks());
    expect((await rows()).map(({ job, state, result }) => [job, state, result])).toEqual([
      [CAPTURE, 'done', 'not_configured'],
      [DELIVER, 'done', 'not_configured'],
    ]);
  });
});

describe('an event that cannot be told', () => {
  test('is tried as often as its job says and is then a dead letter of its own, which a replay sends under the same id', async () => {
    await tellAll();
    receiver.behaves.status = 500;
    await findBreak('a');
    const ran = await house.work(given);
    expect(ran.map(({ job, end, code }) => [job, end, code])).toEqual(
      expect.arrayContaining([
        [CAPTURE, 'finish', null],
        [DELIVER, 'dead', 'PROVIDER_UNAVAILABLE'],
      ]),
    );
    expect(receiver.received).toHaveLength(15);
    const [letter] = await house.services.work.listDead({ afterId: null, limit: 10 });
    receiver.behaves.status = 200;
    const decided = { by: 'tests', reason: 'it is back', nowMs: house.clock.nowMs() };
    await house.services.work.replay({ id: letter?.id ?? '', ...decided });
    await house.work(given);
    expect((await rows()).map(({ state }) => state)).toEqual(['done', 'done']);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  test('waits without an attempt while its endpoint asks to wait', async () => {
    await tellAll();
    receiver.behaves.status = 429;
    await findBreak('a');
    const ran = await house.work(given);
    expect(ran.find(({ job }) => job === DELIVER)).toMatchObject({
      end: 'wait',
      code: 'PROVIDER_UNAVAILABLE',
    });
    expect(receiver.received).toHaveLength(1);
  });

  test('a sink that throws harms no sibling, and no call', async () => {
    await tellAll();
    const broken = { ...sinksTo(receiver.url), capture: () => Promise.reject(new Error('ours')) };
    const { number } = await house.road();
    await house.call({ number });
    const ran = await house.work({ ...given, eventSinks: broken });
    expect(ran.filter(({ end }) => end === 'dead').map(({ job }) => job)).toEqual([CAPTURE]);
    expect(sent()).toEqual(['call.qualified']);
    expect(await house.sql('select status from calls')).toEqual([{ status: 'qualified' }]);
  });
});
