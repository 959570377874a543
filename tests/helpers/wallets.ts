import { expect } from 'vitest';
import { dateAfter, type House } from './house.ts';
import { SECRET_KEY } from './seeding.ts';
import { rawApi } from './stripe.ts';

type Road = Awaited<ReturnType<House['road']>>;

export const WALLET = { lowWaterMinor: 5_000, rechargeMinor: 10_000, mostPerDay: 3 };

/** What tests of wallets do with a house, and look at. */
export function walletsOver(house: () => House) {
  const post = async (path: string, form: Record<string, string> = {}) => {
    const answer = await rawApi(house().simulator.url, SECRET_KEY)('POST', path, form);
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json();
  };
  const intents = () =>
    house()
      .simulator.journal.all('payment_intent')
      .map(({ status }) => status);
  const charged = () =>
    house()
      .simulator.journal.all('charge')
      .filter(({ status }) => status === 'succeeded');
  const transfers = () =>
    house()
      .simulator.journal.all('transfer')
      .map(({ amount }) => amount);
  const statuses = async () =>
    (await house().sql<{ status: string }>('select status from calls order by started_at')).map(
      ({ status }) => status,
    );
  const states = async () =>
    (await house().sql<{ state: string }>('select state from earnings order by started_at')).map(
      ({ state }) => state,
    );
  const wallet = async () => (await house().services.wallets.list(house().clock.nowMs()))[0];
  const topups = () =>
    house().sql<{ state: string; last_problem: string | null }>(
      'select state, last_problem from topups order by made_at',
    );

  /** Everything agrees: the books with themselves, with Stripe, and Stripe with itself. */
  async function expectRight(): Promise<void> {
    const { failures } = await house().services.audit.run({ nowMs: house().clock.nowMs() });
    expect(failures).toEqual([]);
    expect(house().simulator.journal.check()).toEqual([]);
  }

  /** A buyer whose calls, 40.00 each, of which 28.00 are the supplier's, are paid from a wallet of these terms. */
  async function prepaid(card?: string, terms = WALLET): Promise<Road> {
    const road = await house().road(card === undefined ? {} : { card });
    await house().put({ buyers: [{ id: road.buyer.id, name: 'Buyer', prepaid: { usd: terms } }] });
    return road;
  }

  /** So many calls, an hour apart, and what they make due. */
  async function calls({ number }: Road, count: number): Promise<void> {
    const nowMs = house().clock.nowMs();
    for (let left = count; left > 0; left -= 1)
      await house().call({ number, startedAtMs: nowMs - left * 3_600_000 });
    await house().work();
  }

  const night = (days: number) => house().close(dateAfter(days));
  const useCard = async (customer: string | null, token: string) => {
    const method = await post(`/v1/payment_methods/${token}/attach`, { customer: customer ?? '' });
    await post(`/v1/customers/${customer}`, {
      'invoice_settings[default_payment_method]': (method as { id: string }).id,
    });
  };

  return {
    post,
    intents,
    charged,
    transfers,
    statuses,
    states,
    wallet,
    topups,
    expectRight,
    prepaid,
    calls,
    night,
    useCard,
  };
}
