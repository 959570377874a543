import { expect } from 'vitest';
import { dateAfter, type House } from './house.ts';
import { type CallFacts, SECRET_KEY } from './seeding.ts';
import { rawApi } from './stripe.ts';

export const BILL = 'billing.bill-buyer';
const HOUR_MS = 3_600_000;

/** What tests of taxes do with a house, and look at. */
export function taxesOver(house: () => House) {
  const api = (method: string, path: string, form: Record<string, string> = {}) =>
    rawApi(house().simulator.url, SECRET_KEY)(method, path, form);
  const post = async (path: string, form: Record<string, string> = {}) => {
    const answer = await api('POST', path, form);
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json();
  };
  const moveTo = (customer: string | null, country: string) =>
    post(`/v1/customers/${customer}`, { 'address[country]': country });
  const invoices = () => house().simulator.journal.all('invoice');

  /** A buyer in Austria, where a fifth comes on top of its calls, 40.00 each, of which 28.00 are the supplier's. */
  async function taxed(terms: Parameters<House['road']>[0] = {}, address: string | null = 'AT') {
    house().simulator.faults.taxAt({ country: 'AT', state: null, percent: 20 });
    const road = await house().road(terms);
    if (address !== null) await moveTo(road.buyer.customer, address);
    await house().put({ buyers: [{ id: road.buyer.id, name: 'Buyer', automaticTax: true }] });
    return road;
  }

  async function calls({ number }: { number: string }, count: number, facts: Partial<CallFacts> = {}) {
    const nowMs = house().clock.nowMs();
    for (let hour = count; hour > 0; hour -= 1)
      await house().call({ number, startedAtMs: nowMs - hour * HOUR_MS, ...facts });
  }

  return {
    api,
    post,
    moveTo,
    invoices,
    taxed,
    calls,
    night: (days: number) => house().close(dateAfter(days)),
    /** Everything up to the bills of a date, which are due then. */
    async untilBilled(days: number) {
      await house().begin(dateAfter(days));
      await house().work({}, [BILL]);
    },
    theInvoice: async () => (await house().services.billing.list({ state: null, buyerId: null }))[0],
    /** Everything agrees: the books with themselves, with Stripe, and Stripe with itself. */
    async expectRight(): Promise<void> {
      const { failures } = await house().services.audit.run({ nowMs: house().clock.nowMs() });
      expect(failures).toEqual([]);
      expect(house().simulator.journal.check()).toEqual([]);
    },
  };
}
