import { expect } from 'vitest';
import { dateAfter, type House } from './house.ts';
import { SECRET_KEY } from './seeding.ts';
import { rawApi } from './stripe.ts';

type Road = Awaited<ReturnType<House['road']>>;
export const HOUR_MS = 3_600_000;
export const BILL = 'billing.bill-buyer';

/** What tests of credit notes do and see in a house; each test has a new one. */
export function creditNotesOver(house: () => House) {
  const post = async (path: string, form: Record<string, string> = {}) => {
    const answer = await rawApi(house().simulator.url, SECRET_KEY)('POST', path, form);
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json() as { id: string };
  };
  /** Everything agrees: the books with themselves, with Stripe, and Stripe with itself. */
  async function expectRight(): Promise<void> {
    const { failures } = await house().services.audit.run({ nowMs: house().clock.nowMs() });
    expect(failures).toEqual([]);
    expect(house().simulator.journal.check()).toEqual([]);
  }

  const states = async () =>
    (await house().sql<{ state: string }>('select state from earnings order by started_at, state')).map(
      ({ state }) => state,
    );
  const callIds = async () =>
    (await house().sql<{ id: string }>('select id from calls order by started_at')).map(({ id }) => id);
  const notes = () => house().sql('select state, problem from credit_notes order by planned_at, id');
  const waits = async () =>
    (await house().sql<{ on: string }>(`select coalesce(waits_for, state) as on from adjustments`)).map(
      ({ on }) => on,
    );
  const invoiceState = async () =>
    (await house().sql<{ state: string }>('select state from invoices order by planned_at'))[0]?.state;
  const firstInvoice = () => {
    const [invoice] = house().simulator.journal.all('invoice');
    if (invoice === undefined) throw new Error('no invoice at Stripe');
    return invoice;
  };
  const notesAtStripe = () =>
    house()
      .simulator.journal.all('credit_note')
      .map(({ amount }) => amount);
  const charged = () =>
    house()
      .simulator.journal.all('charge')
      .filter(({ paid }) => paid)
      .map(({ amount }) => amount);
  const transfers = () =>
    house()
      .simulator.journal.all('transfer')
      .map(({ amount }) => amount);

  /** So many calls, 40.00 each, 28.00 of them the supplier's, on an invoice that is due in two weeks and not paid. */
  async function openInvoice(count: number): Promise<Road & { ids: string[] }> {
    const road = await house().road();
    await house().put({ buyers: [{ id: road.buyer.id, name: 'Buyer', paymentTermsDays: 14 }] });
    for (let hour = count; hour > 0; hour -= 1) {
      await house().call({ number: road.number, startedAtMs: house().clock.nowMs() - hour * HOUR_MS });
    }
    await house().close(dateAfter(0));
    return { ...road, ids: await callIds() };
  }

  /** The buyer says that a call was none, and is right. */
  async function approve(...ids: string[]): Promise<void> {
    const { adjustments } = house().services;
    await adjustments.dispute(ids, 'the buyer', 'a wrong number', house().clock.nowMs());
    await adjustments.decide(ids, true, 'ops', 'listened to it', house().clock.nowMs());
  }

  /** The same, up to the note that is planned: its invoice's work is due. */
  async function planNote(...ids: string[]) {
    await approve(...ids);
    await house().work({}, [BILL]);
    const [invoice] = await house().sql<{ id: string }>('select id from invoices');
    return house().row(BILL, invoice?.id ?? '');
  }

  const payRest = () => post(`/v1/invoices/${firstInvoice().id}/pay`);
  async function payPart(customer: string | null, amount: number): Promise<void> {
    const owner = { customer: customer ?? '' };
    const { id: method } = await post('/v1/payment_methods/pm_card_visa/attach', owner);
    const facts = { amount: String(amount), currency: 'usd', payment_method: method, confirm: 'true' };
    const { id } = await post('/v1/payment_intents', { ...facts, ...owner });
    await post(`/v1/invoices/${firstInvoice().id}/attach_payment`, { payment_intent: id });
  }

  return {
    post,
    expectRight,
    states,
    callIds,
    notes,
    waits,
    invoiceState,
    firstInvoice,
    notesAtStripe,
    charged,
    transfers,
    openInvoice,
    approve,
    planNote,
    payRest,
    payPart,
  };
}
