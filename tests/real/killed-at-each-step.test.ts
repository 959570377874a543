import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WorkItem } from '../../src/integrations/supabase/work.ts';
import { wrongIn } from '../helpers/books.ts';
import { DAY_MS, dateAfter, FIRST_DATE, type House, keepServer, openHouse } from '../helpers/house.ts';
import { finish, killing, type When } from '../helpers/killing.ts';
import { readyPayouts } from '../helpers/payouts.ts';
import { storyOf } from '../helpers/stories.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(async () => {
  try {
    expect(await wrongIn(house.sql)).toEqual([]);
    expect(house.simulator.journal.check()).toEqual([]);
  } finally {
    await house.end();
  }
});

/** One piece of work out of many alike, and how to tell what became of it. */
interface Piece {
  item(): Promise<WorkItem>;
  story(): Promise<unknown>;
}

const PIECES = 16;
const MINUTE_MS = 60_000;

/**
 * Lets the first piece run undisturbed, every other one die at another step, before and after its effect; then finishes
 * all. Each must have come to the same end. Returns the steps.
 */
async function killAtEachStep(
  pieces: readonly Piece[],
  meanwhile: () => void = () => undefined,
): Promise<string[]> {
  const [undisturbed, ...others] = pieces;
  if (undisturbed === undefined) throw new Error('no pieces');
  const watched = killing(house.services, null);
  expect(await house.run(await undisturbed.item(), watched.services)).toMatchObject({ end: 'finish' });
  const steps = [...watched.made];
  const deaths: { piece: Piece; name: string }[] = [];
  for (const [index, name] of steps.entries()) {
    for (const when of ['before', 'after'] satisfies When[]) {
      const piece = others.shift();
      if (piece === undefined) throw new Error(`more than ${pieces.length} pieces are needed: ${steps}`);
      const deadly = killing(house.services, { call: index + 1, when });
      expect(await house.run(await piece.item(), deadly.services)).toMatchObject({ end: 'killed' });
      deaths.push({ piece, name: `${when} ${name}` });
    }
  }
  meanwhile();
  const expected = await undisturbed.story();
  for (const { piece, name } of deaths) {
    await finish(house, piece.item);
    expect({ name, story: await piece.story() }).toEqual({ name, story: expected });
  }
  return steps;
}

const forgetKeys = () => {
  house.advance(25 * 60 * MINUTE_MS);
  house.simulator.faults.pruneKeys();
};
const row = (job: string, key: string) => () => house.row(job, key);

async function roads(count: number, card = 'pm_card_visa') {
  const all = [];
  for (let n = 0; n < count; n += 1) all.push(await house.road({ card }));
  return all;
}

async function invoicesToBill(): Promise<Piece[]> {
  const all = await roads(PIECES);
  for (const { number } of all) await house.call({ number });
  await house.begin(FIRST_DATE);
  await house.work({}, ['billing.bill-buyer']);
  const rows = await house.sql<{ id: string; buyer: string }>(
    'select id, buyer_id as buyer from invoices order by id',
  );
  return rows.flatMap(({ id, buyer }) => {
    const road = all.find((one) => one.buyer.id === buyer);
    return road === undefined
      ? []
      : [{ item: row('billing.bill-buyer', id), story: () => storyOf(house, road) }];
  });
}

async function payoutsToSend(): Promise<Piece[]> {
  const ready = await readyPayouts(house, PIECES - 4);
  return ready.map(({ id, road }) => ({
    item: row('payouts.pay-supplier', id),
    story: () => storyOf(house, road),
  }));
}

describe('killed before and after each step, and run again', () => {
  test('billing makes one invoice and one charge', async () => {
    const steps = await killAtEachStep(await invoicesToBill());
    expect(steps).toEqual([
      'billing.claim',
      'stripeInvoices.issue',
      'billing.recordIssued',
      'stripeInvoices.read',
      'stripeInvoices.pay',
      'billing.recordState',
      'work.finish',
    ]);
  });

  test('billing makes one invoice and one charge a day later, when Stripe has forgotten the keys', async () => {
    await killAtEachStep(await invoicesToBill(), forgetKeys);
  });

  test('paying makes one transfer', async () => {
    const steps = await killAtEachStep(await payoutsToSend());
    const calls = [
      'payouts.claim',
      'payouts.noteSend',
      'stripeTransfers.send',
      'payouts.settle',
      'work.finish',
    ];
    expect(steps).toEqual(calls);
    expect(house.simulator.journal.all('transfer')).toHaveLength(1 + 2 * steps.length);
  });

  test('paying makes one transfer a day later, when Stripe has forgotten the keys', async () => {
    await killAtEachStep(await payoutsToSend(), forgetKeys);
  });

  test('ingesting stores one call, and makes the work of scoring it once', async () => {
    const { number } = await house.road();
    const at = (ms: number) => new Date(ms).toISOString();
    const pieces = Array.from({ length: PIECES }, (_, index): Piece => {
      const data = {
        call_id: `c${index}`,
        tracking_number: number,
        caller_number: `+1212736${2_000 + index}`,
        answered: true,
      };
      const facts = { ...data, started_at: at(house.clock.nowMs() - MINUTE_MS), duration_s: 90 };
      const body = JSON.stringify({
        type: 'call.completed',
        timestamp: at(house.clock.nowMs()),
        data: facts,
      });
      const payload = {
        ...{
          source: 'exchange',
          kind: 'call.completed',
          eventId: `e${index}`,
          receivedAtMs: house.clock.nowMs(),
        },
        body: Buffer.from(body).toString('base64'),
      };
      const item = {
        job: 'calls.ingest-call',
        key: `exchange/e${index}`,
        generation: 1,
        payload,
        dueAtMs: 0,
        trace: 't',
      };
      return {
        item: async () => item,
        story: () =>
          house.sql(
            `select c.duration_s, c.facts_version, e.result, (select count(*) from work where key = c.id::text) as work
             from calls c join webhook_events e on e.event_id = 'e' || substr(c.external_id, 2) where external_id = $1`,
            [data.call_id],
          ),
      };
    });
    expect(await killAtEachStep(pieces)).toEqual(['calls.ingest', 'work.finish']);
    expect(await house.sql('select count(*) as n from calls')).toEqual([{ n: 5 }]);
  });

  test('scoring posts one earning and one journal', async () => {
    const { number } = await house.road();
    for (let n = 0; n < PIECES; n += 1) await house.call({ number });
    const calls = await house.sql<{ id: string }>('select id from calls order by id');
    const pieces = calls.map(({ id }) => ({
      item: row('fraud.score-call', id),
      story: () =>
        house.sql(
          `select c.status, (select count(*) from earnings where call_id = c.id) as earnings,
             (select count(*) from journals where key = 'call:' || c.id) as journals,
             (select count(*) from call_scores where call_id = c.id) as scores from calls c where id = $1`,
          [id],
        ),
    }));
    expect(await killAtEachStep(pieces)).toEqual([
      ...['calls.scoringContext', 'fraud.ruleSets', 'calls.rate', 'work.finish'],
    ]);
  });

  test('an event of Stripe has its invoice read again, and is stored once', async () => {
    const all = await roads(PIECES, 'pm_card_chargeCustomerFail');
    for (const { number } of all) await house.call({ number });
    await house.close(FIRST_DATE);
    const invoices = await house.sql<{ id: string; stripe: string }>(
      'select id, stripe_invoice_id as stripe from invoices',
    );
    const pieces = invoices.map(({ id, stripe }): Piece => {
      const eventId = `evt_${randomUUID()}`;
      const hint = { eventId, type: 'invoice.updated', objectId: stripe, account: null };
      const payload = { ...hint, createdMs: 0, livemode: false, receivedAtMs: house.clock.nowMs() };
      const item = {
        job: 'stripe.apply-event',
        key: eventId,
        generation: 1,
        payload,
        dueAtMs: 0,
        trace: 't',
      };
      return {
        item: async () => item,
        story: () =>
          house.sql(
            `select (select state from work where job = 'billing.bill-buyer' and key = $1) as billing,
               (select array_agg(result) from webhook_events where event_id = $2) as events`,
            [id, eventId],
          ),
      };
    });
    const steps = ['stripeInvoices.findOurs', 'billing.poke', 'operations.storeStripeEvent', 'work.finish'];
    expect(await killAtEachStep(pieces)).toEqual(steps);
  });
});

/** One call a day; on each night one job of the close dies at one of its steps, until each has died at every one. */
async function runNights(deaths: readonly { job: string; call: number; when: When }[], nights: number) {
  const { number } = await house.road();
  for (let night = 0; night < nights; night += 1) {
    await house.call({ number });
    await house.begin(dateAfter(night));
    const death = deaths[night];
    if (death !== undefined) {
      await house.work({}, [death.job]);
      const deadly = killing(house.services, death);
      const item = await house.row(death.job, dateAfter(night));
      expect(await house.run(item, deadly.services)).toMatchObject({ end: 'killed' });
    }
    await house.close(dateAfter(night));
  }
  return {
    postings: await house.sql(
      `select j.business_date::text, j.template, a.kind, p.amount_minor from postings p join journals j on j.id = p.journal_id
       join ledger_accounts a on a.id = p.account_id order by p.id`,
    ),
    reports: await house.sql('select business_date::text, report from closes order by 1'),
    runs: await house.sql(
      'select business_date::text, currency, difference_minor, matched from reconciliation_runs order by 1, 2',
    ),
    breaks: await house.sql('select identity from reconciliation_breaks'),
    transfers: house.simulator.journal.all('transfer').map(({ amount }) => amount),
    charges: house.simulator.journal.all('charge').length,
  };
}

/** Two lives of 25 nights. */
test('a night whose close dies at any step of comparing, planning or reporting ends as any other night', async () => {
  const steps: Record<string, number> = {
    'reconciliation.reconcile-money': 7,
    'payouts.plan-payouts': 2,
    'operations.report-close': 2,
  };
  const deaths = Object.entries(steps).flatMap(([job, count]) =>
    Array.from({ length: 2 * count }, (_, n) => ({
      job,
      call: 1 + (n >> 1),
      when: (n % 2 === 0 ? 'before' : 'after') as When,
    })),
  );
  const nights = deaths.length + 3;
  const disturbed = await runNights(deaths, nights);
  await house.end();
  house = await openHouse();
  expect(disturbed).toEqual(await runNights([], nights));
  expect(disturbed.breaks).toEqual([]);
  expect(house.clock.nowMs()).toBeGreaterThan(nights * DAY_MS);
});
