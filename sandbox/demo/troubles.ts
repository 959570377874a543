import type { StripeSetup } from '../../src/integrations/stripe/setup.ts';
import type { demoExchange } from '../seed.ts';
import type { BooksReader } from './numbers.ts';
import type { DemoStack } from './stack.ts';

type Exchange = ReturnType<typeof demoExchange>;

/** Its card is declined on the first night, and mended on the second day. */
const DECLINED = 'Pacific Plumbing';
/** Its invoices are sent, and due after some days. */
const ON_TERMS = 'Summit Solar';
const TERMS_DAYS = 14;
/** On the second day it disputes calls: one is approved, one denied, one stays open. */
const DISPUTING = 'Acme Roofing';
/** From the second day on it is paid nothing until somebody releases it. */
const HELD = 'Copperline Leads';
const TROUBLE_DAY = 1;

/** The same exchange, with what goes wrong in it in any week. */
export function withTroubles({ parties, ...rest }: Exchange): Exchange {
  const buyers = parties.buyers.map((buyer) =>
    buyer.name === ON_TERMS ? { ...buyer, paymentTermsDays: TERMS_DAYS } : buyer,
  );
  return { ...rest, parties: { ...parties, buyers } };
}

export function withDeclinedCard(setup: StripeSetup): StripeSetup {
  return {
    ...setup,
    ensureCustomer: (buyer) =>
      setup.ensureCustomer(
        buyer.name === DECLINED ? { ...buyer, paymentMethod: 'pm_card_chargeCustomerFail' } : buyer,
      ),
  };
}

/** What people and buyers do on a day, after its calls and before its close. Safe to run twice: each deed is done once. */
export async function playTroubles(
  { stack, books }: { readonly stack: DemoStack; readonly books: BooksReader },
  { parties }: Exchange,
  { nth, date }: { readonly nth: number; readonly date: string },
): Promise<void> {
  if (nth !== TROUBLE_DAY) return;
  const { adjustments, payouts, clock } = stack.runtime.services;
  const idOf = (all: readonly { id: string; name: string }[], name: string) =>
    all.find((one) => one.name === name)?.id ?? '';

  await mendCard(stack, await books.customerOf(DECLINED));
  await payouts.hold(idOf(parties.suppliers, HELD), true, 'ops', 'a call looks staged', clock.nowMs());
  const calls = await books.firstCallsOf(DISPUTING, date, 3);
  const [wrong = [], right = []] = [calls.slice(0, 1), calls.slice(1, 2)];
  await adjustments.dispute(calls, DISPUTING, 'not a customer of ours', clock.nowMs());
  await adjustments.decide(wrong, true, 'ops', 'they hung up', clock.nowMs());
  await adjustments.decide(right, false, 'ops', 'they made an appointment', clock.nowMs());
  stack.runtime.dispatcher.wake();
}

async function mendCard({ embedded }: DemoStack, customer: string): Promise<void> {
  const post = async (path: string, form: Record<string, string>) => {
    const answer = await fetch(`${embedded.simulator.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${embedded.platform.stripe.secretKey}` },
      body: new URLSearchParams(form),
    });
    if (!answer.ok) throw new Error(`The simulator refuses ${path}: ${await answer.text()}`);
    return (await answer.json()) as { id: string };
  };
  const method = await post('/v1/payment_methods/pm_card_visa/attach', { customer });
  await post(`/v1/customers/${customer}`, { 'invoice_settings[default_payment_method]': method.id });
}
