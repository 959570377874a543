import { z } from 'zod';
import { OutageError } from '../../errors.ts';
import type { Currency } from '../../money.ts';
import type { StripeClient } from './client.ts';
import { type StripeFailure, toHouseError } from './errors.ts';
import { type Charge, readCharge, settledCharge } from './schemas.ts';

/** What a wallet is filled with: one payment of one buyer. */
export interface FrozenTopup {
  readonly topupId: string;
  /** `cus_…` */
  readonly customer: string;
  readonly currency: Currency;
  readonly amountMinor: number;
}

/**
 * How a top-up stands. `processing`: the buyer's bank takes its time, and nothing is credited; `failed`: Stripe's code, and
 * nobody can pay it any more.
 */
export type TopupEnd =
  | { readonly status: 'paid'; readonly charge: Charge; readonly problem: null }
  | { readonly status: 'processing'; readonly charge: null; readonly problem: null }
  | { readonly status: 'failed'; readonly charge: null; readonly problem: string };

type Options = { readonly signal: AbortSignal };

export interface StripeTopups {
  /**
   * Makes the payment intent of a top-up, unconfirmed, with the customer's default payment method; null when it has none.
   * Nothing is charged by it: one that is made twice is one that nobody confirms.
   */
  prepare(topup: FrozenTopup, options: Options): Promise<string | null>;
  /**
   * Confirms the intent off session, unless it was: what became of it is always read from the intent itself, which is paid
   * once. One that was declined, or that its holder would have to confirm, is cancelled, so that it is not paid later.
   * Throws OutageError STRIPE_UNAVAILABLE when nobody can tell yet, ApiError STRIPE_REFUSED.
   */
  charge(topup: FrozenTopup, intentId: string, options: Options): Promise<TopupEnd>;
}

const customerSchema = z.object({
  id: z.string(),
  invoice_settings: z.object({ default_payment_method: z.string().nullable() }),
});

const intentSchema = z.object({
  id: z.string(),
  status: z.enum([
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
    'requires_capture',
    'processing',
    'succeeded',
    'canceled',
  ]),
  latest_charge: readCharge.nullable(),
  last_payment_error: z
    .object({ code: z.string().nullish(), decline_code: z.string().nullish(), type: z.string() })
    .nullable(),
});
const madeSchema = z.object({ id: z.string() });
type Intent = z.output<typeof intentSchema>;

/** Stored failures of one step before it waits until Stripe has forgotten them. */
const MOST_KEYS = 8;
/** Failures of a try that was not carried out: the intent is what it was. */
const UNTRIED: readonly StripeFailure['kind'][] = ['limited', 'in-use', 'denied', 'key-mismatch'];

export function createStripeTopups(client: StripeClient): StripeTopups {
  return {
    async prepare({ topupId, customer, currency, amountMinor }, { signal }) {
      const { invoice_settings: settings } = await client.read({
        operation: 'customers.retrieve',
        signal,
        schema: customerSchema,
        run: (sdk) => sdk.customers.retrieve(customer),
      });
      const method = settings.default_payment_method;
      if (method === null) return null;
      const operation = 'paymentIntents.create';
      const facts = { amount: amountMinor, currency, customer, payment_method: method };
      const answer = await client.post({
        operation,
        signal,
        schema: madeSchema,
        run: (sdk) =>
          sdk.paymentIntents.create(
            { ...facts, metadata: { callclear_topup_id: topupId } },
            // With another payment method it is another intent.
            { idempotencyKey: `topup-${topupId}-${method}` },
          ),
      });
      if (!answer.ok) throw toHouseError(operation, answer.failure);
      return answer.value.id;
    },
    async charge(topup, id, { signal }) {
      let intent = await readIntent(client, id, signal);
      if (intent.status === 'requires_confirmation')
        intent = await step(client, id, 'confirm', intent.status, signal);
      const { last_payment_error: error } = intent;
      if (intent.status === 'requires_payment_method' || intent.status === 'requires_action') {
        intent = await step(client, id, 'cancel', intent.status, signal);
      }
      if (intent.status === 'processing') return { status: 'processing', charge: null, problem: null };
      if (intent.status === 'succeeded')
        return { status: 'paid', charge: settledCharge(topup.topupId, intent.latest_charge), problem: null };
      const problem = error === null ? intent.status : (error.decline_code ?? error.code ?? error.type);
      return { status: 'failed', charge: null, problem };
    },
  };
}

function readIntent(client: StripeClient, id: string, signal: AbortSignal): Promise<Intent> {
  return client.read({
    operation: 'paymentIntents.retrieve',
    signal,
    schema: intentSchema,
    run: (sdk) => sdk.paymentIntents.retrieve(id, { expand: ['latest_charge.balance_transaction'] }),
  });
}

/** Sends a step whose effect shows in the intent, under its next key where Stripe replays a stored failure. */
async function step(
  client: StripeClient,
  id: string,
  name: 'confirm' | 'cancel',
  before: Intent['status'],
  signal: AbortSignal,
): Promise<Intent> {
  const operation = `paymentIntents.${name}`;
  for (let nth = 1; ; nth += 1) {
    const idempotencyKey = `topup-${id}-${name}${nth === 1 ? '' : `-${nth}`}`;
    const answer = await client.post({
      operation,
      signal,
      schema: madeSchema,
      run: (sdk) =>
        name === 'confirm'
          ? sdk.paymentIntents.confirm(id, { off_session: true }, { idempotencyKey })
          : sdk.paymentIntents.cancel(id, {}, { idempotencyKey }),
    });
    if (!answer.ok && UNTRIED.includes(answer.failure.kind)) throw toHouseError(operation, answer.failure);
    const intent = await readIntent(client, id, signal);
    if (intent.status !== before) return intent;
    // What has not changed was refused, or may change yet.
    if (answer.ok) throw new OutageError('STRIPE_UNAVAILABLE', `Stripe did not carry out ${operation}.`, {});
    const { kind, replayed } = answer.failure;
    if (kind === 'declined') return intent;
    if (kind !== 'unreachable' || !replayed || nth === MOST_KEYS)
      throw toHouseError(operation, answer.failure);
  }
}
