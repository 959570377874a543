import fc from 'fast-check';
import { callsOf, chargesOf, command, giveCard, hintAt, invoicesOf, nth, pick } from './command.ts';
import { troubleOf, when } from './troubles.ts';
import { addressIn, EVENTFUL_DAYS, type Night, PLACES } from './world.ts';

/** Everything that can happen. A new event of money is one entry here. */
const COMMANDS = {
  'calls come': command({
    weight: 10,
    facts: fc.record({
      number: fc.nat(1),
      hoursAgo: fc.oneof(fc.nat(10), fc.nat(40)),
      count: fc.integer({ min: 1, max: 2 }),
    }),
    async act({ house }, { numbers, caller, calls }, { number, hoursAgo, count }) {
      for (let n = 0; n < count; n += 1) {
        const startedAtMs = house.clock.nowMs() - (1 + hoursAgo) * 3_600_000 - n * 60_000;
        const facts = { number: numbers[number] ?? '', caller, startedAtMs };
        calls.push({ ...facts, callId: await house.call(facts) });
      }
    },
  }),
  'a call is reported with another length': command({
    weight: 2,
    facts: fc.record({ index: nth, durationS: fc.constantFrom(5, 600) }),
    async act({ house }, { calls }, { index, durationS }) {
      const call = pick(calls, index);
      if (call !== undefined) await house.call({ ...call, durationS });
    },
  }),
  'a person decides about a call, whatever became of it': command({
    weight: 2,
    facts: fc.record({ index: fc.nat(11), word: fc.constantFrom('qualify', 'reject') }),
    async act(world, story, { index, word }) {
      const { services, clock } = world.house;
      const id = pick(await callsOf(world, story, 'all'), index);
      if (id !== undefined) await services.review.decide([id], word, 'ops', 'listened', clock.nowMs());
    },
  }),
  'a call on an open invoice is taken back': command({
    weight: 3,
    facts: nth,
    async act({ house: { sql, services, clock } }, { buyer }, index) {
      const rows = await sql<{ id: string }>(
        `select e.call_id as id from earnings e join invoices i on i.id = e.invoice_id and i.state = 'open'
         where e.buyer_id = $1 and e.state = 'billed' order by e.started_at, e.call_id`,
        [buyer],
      );
      const call = pick(rows, index);
      if (call !== undefined) await services.adjustments.ask(call.id, 'ops', 'a wrong number', clock.nowMs());
    },
  }),
  'the buyer is on payment terms from now on': command({
    weight: 2,
    facts: fc.constant(null),
    async act({ house }, { buyer }) {
      await house.put({ buyers: [{ id: buyer, name: 'Buyer', paymentTermsDays: 2 }] });
    },
  }),
  'the buyer moves to where the tax is another': command({
    weight: 1,
    facts: fc.constantFrom('DE', 'NY', 'OR'),
    async act({ api }, { customer }, place) {
      await api('POST', `/v1/customers/${customer}`, addressIn(PLACES[place]));
    },
  }),
  'the buyer is taxed from now on, or no more': command({
    weight: 1,
    facts: fc.boolean(),
    async act({ house }, { buyer }, automaticTax) {
      // Of those that have a wallet it is refused.
      await house.put({ buyers: [{ id: buyer, name: 'Buyer', automaticTax }] }).catch(() => undefined);
    },
  }),
  'the buyer disputes a call': command({
    weight: 2,
    facts: nth,
    async act(world, story, index) {
      const { services, clock } = world.house;
      const id = pick(await callsOf(world, story), index);
      if (id !== undefined) await services.adjustments.dispute([id], 'buyer', 'wrong number', clock.nowMs());
    },
  }),
  'a person decides what the buyer disputes': command({
    weight: 2,
    facts: fc.boolean(),
    async act(world, story, approve) {
      const { services, clock } = world.house;
      const ids = await callsOf(world, story);
      if (ids.length > 0) await services.adjustments.decide(ids, approve, 'ops', 'heard', clock.nowMs());
    },
  }),
  'a call comes again, and one that is too short': command({
    weight: 1,
    facts: fc.constant(null),
    async act({ house }, { numbers, supplier }) {
      const [number = ''] = numbers;
      const startedAtMs = house.clock.nowMs() - 7_200_000;
      for (const durationS of [5, 5]) {
        await house.call({ number, callId: `short-${supplier}`, startedAtMs, durationS });
      }
    },
  }),
  'trouble with a job': command({
    weight: 12,
    facts: fc.oneof(
      troubleOf('billing.bill-buyer', { effects: 8, requests: 4 }),
      troubleOf('billing.bill-buyer', { effects: 8, requests: 4 }),
      troubleOf('payouts.pay-supplier', { effects: 6, requests: 1 }),
      troubleOf('payouts.pay-supplier', { effects: 6, requests: 1 }),
      ...['fraud.score-call', 'fraud.adjust-call'].map((job) => troubleOf(job, { effects: 3, requests: 0 })),
      troubleOf('fraud.order-calls', { effects: 6, requests: 0 }),
      troubleOf('billing.recharge-wallet', { effects: 5, requests: 3 }),
    ),
    async act(_, { troubles }, { job, trouble }) {
      troubles.set(job, [...(troubles.get(job) ?? []), trouble]);
    },
  }),
  'Stripe refuses the transfer': command({
    weight: 1,
    facts: fc.constant(null),
    async act(_, { troubles }) {
      const fault = { kind: 'refuse', skip: 0, count: 1 } as const;
      troubles.set('payouts.pay-supplier', [{ step: null, overtaken: false, fault }]);
    },
  }),
  'another card': command({
    weight: 3,
    facts: fc.constantFrom(
      ...['pm_card_visa', 'pm_card_bypassPending', 'pm_card_bypassPending', 'pm_card_createDispute'],
      ...['pm_card_chargeCustomerFail', 'pm_card_chargeCustomerFail', 'pm_card_chargeCustomerFail'],
    ),
    async act(world, story, token) {
      const settings = { 'invoice_settings[default_payment_method]': await giveCard(world, story, token) };
      await world.api('POST', `/v1/customers/${story.customer}`, settings);
    },
  }),
  'the buyer pays at Stripe': command({
    weight: 2,
    facts: nth,
    async act(world, story, index) {
      const [refunded] = world.house.simulator.journal.all('refund');
      // Which calls of an invoice that was given up a refund ended is not known any more.
      const states = refunded === undefined ? ['open', 'uncollectible'] : ['open'];
      const invoice = pick(invoicesOf(world, story, states), index);
      if (invoice === undefined) return;
      const method = await giveCard(world, story, 'pm_card_bypassPending');
      await world.api('POST', `/v1/invoices/${invoice.id}/pay`, { payment_method: method });
      // No close reads what was given up: only this tells that it was paid after all.
      if (invoice.status === 'uncollectible') await hintAt(world, invoice.id);
    },
  }),
  'the buyer pays a part at Stripe': command({
    weight: 2,
    facts: fc.record({ index: nth, percent: fc.constantFrom(30, 60, 100) }),
    async act(world, story, { index, percent }) {
      const invoice = pick(invoicesOf(world, story, ['open']), index);
      if (invoice === undefined) return;
      const amount = Math.floor((invoice.amount_remaining * percent) / 100);
      const left = invoice.amount_remaining - amount;
      if (amount < 100 || (left > 0 && left < 100)) return;
      const intent = await world.api('POST', '/v1/payment_intents', {
        ...{ amount: String(amount), currency: invoice.currency, customer: story.customer, confirm: 'true' },
        payment_method: await giveCard(world, story, 'pm_card_visa'),
      });
      const payment = { payment_intent: intent.json().id };
      await world.api('POST', `/v1/invoices/${invoice.id}/attach_payment`, payment);
    },
  }),
  'the invoice is given up at Stripe': command({
    weight: 2,
    facts: fc.record({ index: nth, by: fc.constantFrom('mark_uncollectible', 'void') }),
    async act(world, story, { index, by }) {
      const invoice = pick(invoicesOf(world, story, ['open']), index);
      if (invoice !== undefined) await world.api('POST', `/v1/invoices/${invoice.id}/${by}`);
    },
  }),
  'a refund at Stripe': command({
    weight: 3,
    facts: fc.record({ index: nth, percent: fc.constantFrom(20, 50, 100) }),
    async act(world, story, { index, percent }) {
      const charge = pick(chargesOf(world, story), index);
      if (charge === undefined) return;
      // Stripe refuses what is not available, and what is disputed.
      if (world.house.simulator.journal.all('dispute').some((one) => one.charge === charge.id)) return;
      const amount = Math.max(1, Math.floor((charge.amount * percent) / 100));
      await world.api('POST', '/v1/refunds', { charge: charge.id, amount: String(amount) });
    },
  }),
  'a transfer is reversed at Stripe': command({
    weight: 1,
    facts: fc.record({ index: nth, percent: fc.constantFrom(10, 100) }),
    async act(world, { account }, { index, percent }) {
      const all = world.house.simulator.journal.all('transfer');
      const transfer = pick(
        all.filter(({ destination, reversed }) => destination === account && !reversed),
        index,
      );
      if (transfer === undefined) return;
      const left = transfer.amount - transfer.amount_reversed;
      const amount = Math.max(1, Math.floor((left * percent) / 100));
      await world.api('POST', `/v1/transfers/${transfer.id}/reversals`, { amount: String(amount) });
    },
  }),
  'a dispute is decided': command({
    weight: 3,
    facts: fc.record({ index: nth, evidence: fc.constantFrom('winning_evidence', 'losing_evidence') }),
    async act(world, story, { index, evidence }) {
      const charges = new Set(chargesOf(world, story).map(({ id }) => id));
      const all = world.house.simulator.journal.all('dispute');
      const dispute = pick(
        all.filter(({ charge, status }) => charges.has(charge) && status === 'needs_response'),
        index,
      );
      if (dispute === undefined) return;
      await world.api('POST', `/v1/disputes/${dispute.id}`, { 'evidence[uncategorized_text]': evidence });
    },
  }),
  'a hint of Stripe, twice': command({
    weight: 1,
    facts: nth,
    async act(world, story, index) {
      const states = ['draft', 'open', 'paid', 'uncollectible', 'void'];
      const invoice = pick(invoicesOf(world, story, states), index);
      if (invoice !== undefined) await hintAt(world, invoice.id);
    },
  }),
  'a person approves': command({
    weight: 2,
    facts: fc.constant(null),
    async act({ house: { sql, services, clock } }, { buyer, supplier }) {
      const invoices = await sql<{ id: string }>('select id from invoices where buyer_id = $1', [buyer]);
      for (const { id } of invoices) await services.billing.approve(id, 'ops', 'seen', clock.nowMs());
      const payouts = await sql<{ id: string }>('select id from payouts where supplier_id = $1', [supplier]);
      for (const { id } of payouts) await services.payouts.approve(id, 'ops', 'seen', clock.nowMs());
      const adjustments = await sql<{ id: string }>(
        'select a.id from adjustments a join earnings e on e.id = a.earning_id where e.buyer_id = $1',
        [buyer],
      );
      for (const { id } of adjustments) await services.adjustments.approve(id, 'boss', 'seen', clock.nowMs());
    },
  }),
  'a person holds or releases the supplier': command({
    weight: 1,
    facts: fc.boolean(),
    async act({ house: { services, clock } }, { supplier }, held) {
      await services.payouts.hold(supplier, held, 'ops', 'a look', clock.nowMs());
    },
  }),
  'a person stops or starts all payouts': command({
    weight: 0.2,
    facts: fc.boolean(),
    async act({ house: { services, clock } }, _, stopped) {
      await services.payouts.stop(stopped, 'ops', 'a look', clock.nowMs());
    },
  }),
  'a person has the wallet charged': command({
    weight: 1,
    facts: fc.constant(null),
    async act({ house: { services, clock } }, { buyer, currency }) {
      const asked = { by: 'ops', reason: 'a new card', nowMs: clock.nowMs() };
      // Of those that are invoiced it is refused.
      await services.wallets.recharge(buyer, currency, asked).catch(() => undefined);
    },
  }),
  'old work comes again': command({
    weight: 2,
    facts: fc.nat(500),
    act: (world, _, index) => world.replay(index),
  }),
};

const step = fc.oneof(
  ...Object.entries(COMMANDS).map(([name, { weight, named }]) => ({
    weight: Math.round(weight * 10),
    arbitrary: named(name),
  })),
);

export const history = fc.noBias(fc.array(step, { maxLength: 14, size: 'max' }));

export const nights: fc.Arbitrary<Night[]> = fc.noBias(
  fc.array(
    fc.record({
      death: fc.option(
        fc.record({
          job: fc.constantFrom(
            'reconciliation.reconcile-money',
            'payouts.plan-payouts',
            'operations.report-close',
          ),
          call: fc.integer({ min: 1, max: 6 }),
          when,
        }),
      ),
      gap: fc.boolean(),
    }),
    { minLength: EVENTFUL_DAYS, maxLength: EVENTFUL_DAYS },
  ),
);
