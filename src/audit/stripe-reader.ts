import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { z } from 'zod';
import { OutageError, PermanentError } from '../errors.ts';

/** What stands at Stripe, in Stripe's own words; instants in seconds since 1970, amounts in minor units. */
export interface StripeBooks {
  readonly transfers: readonly StripeTransfer[];
  readonly invoices: readonly StripeInvoice[];
  readonly movements: readonly StripeMovement[];
  readonly customers: readonly { readonly id: string; readonly balance: number }[];
  /** Pending and available together, per currency. */
  readonly totals: ReadonlyMap<string, number>;
}

export interface StripeReader {
  /** Reads every page of everything. Throws OutageError when Stripe does not answer, PermanentError when it refuses. */
  read(): Promise<StripeBooks>;
}

const minorUnits = z.int();
const metadata = z.record(z.string(), z.string()).nullish();

const transferSchema = z.object({
  id: z.string(),
  amount: minorUnits,
  amount_reversed: minorUnits,
  currency: z.string(),
  destination: z.string(),
  reversed: z.boolean(),
  transfer_group: z.string().nullable(),
  metadata,
});
const invoiceSchema = z.object({
  id: z.string(),
  status: z.string().nullable(),
  currency: z.string(),
  total: minorUnits,
  total_excluding_tax: minorUnits.nullish(),
  pre_payment_credit_notes_amount: minorUnits,
  metadata,
});
const movementSchema = z.object({
  id: z.string(),
  amount: minorUnits,
  fee: minorUnits,
  net: minorUnits,
  currency: z.string(),
  /** Of what was paid in this movement's currency; null where they are one. */
  exchange_rate: z.number().nullish(),
  available_on: z.int(),
  created: z.int(),
  reporting_category: z.string(),
  source: z.string().nullable(),
});
const customerSchema = z.object({ id: z.string(), balance: minorUnits });
const part = z.array(z.object({ amount: minorUnits, currency: z.string() }));
const balanceSchema = z.object({ available: part, pending: part });

export type StripeTransfer = z.output<typeof transferSchema>;
export type StripeInvoice = z.output<typeof invoiceSchema>;
export type StripeMovement = z.output<typeof movementSchema>;

const TIMEOUT_MS = 30_000;
/** Movements may be made between the two readings that must agree: while a close bills, many. */
const READINGS = 10;

/**
 * Reads Stripe for the audit by plain HTTP: what sends the money takes another path, so that an error in it is not
 * repeated here. It only reads, so every request may be made again.
 */
export function createStripeReader(options: {
  /** `https://api.stripe.com` for Stripe itself. */
  readonly apiBase: string;
  readonly secretKey: string;
  /** Before the first of three further tries, where it doubles, and before another reading. Default 1,000. */
  readonly retryBaseMs?: number;
}): StripeReader {
  const { apiBase, secretKey, retryBaseMs = 1_000 } = options;

  async function get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return pRetry(() => getOnce(new URL(path, apiBase), secretKey, schema), {
      retries: 3,
      factor: 2,
      minTimeout: retryBaseMs,
      shouldRetry: ({ error }) => error instanceof OutageError,
    });
  }

  async function list<T extends { id: string }>(resource: string, item: z.ZodType<T>): Promise<T[]> {
    const schema = z.object({ data: z.array(item), has_more: z.boolean() });
    const all: T[] = [];
    for (;;) {
      const last = all.at(-1);
      const after = last === undefined ? '' : `&starting_after=${encodeURIComponent(last.id)}`;
      const page = await get(`/v1/${resource}?limit=100${after}`, schema);
      all.push(...page.data);
      if (!page.has_more || page.data.length === 0) return all;
    }
  }

  return {
    async read() {
      for (let reading = 1; ; reading += 1) {
        const movements = await list('balance_transactions', movementSchema);
        const balance = await get('/v1/balance', balanceSchema);
        const totals = sumBy([...balance.available, ...balance.pending], ({ amount }) => amount);
        if (reading === READINGS || isEqual(totals, sumMovements(movements))) {
          // After the movements: what one of them belongs to is there.
          const transfers = await list('transfers', transferSchema);
          const invoices = await list('invoices', invoiceSchema);
          const customers = await list('customers', customerSchema);
          return { transfers, invoices, movements, customers, totals };
        }
        await sleep(retryBaseMs);
      }
    },
  };
}

/** The net of movements per currency. */
export function sumMovements(movements: readonly StripeMovement[]): Map<string, number> {
  return sumBy(movements, ({ net }) => net);
}

function sumBy<T extends { currency: string }>(rows: readonly T[], amount: (row: T) => number) {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(row.currency, (sums.get(row.currency) ?? 0) + amount(row));
  return sums;
}

function isEqual(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean {
  const currencies = new Set([...left.keys(), ...right.keys()]);
  return [...currencies].every((currency) => (left.get(currency) ?? 0) === (right.get(currency) ?? 0));
}

async function getOnce<T>(url: URL, secretKey: string, schema: z.ZodType<T>): Promise<T> {
  const detail = { path: url.pathname };
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, {
      headers: { authorization: `Bearer ${secretKey}` },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    body = await response.json();
  } catch (cause) {
    throw new OutageError('STRIPE_UNAVAILABLE', `Stripe does not answer GET ${url.pathname}.`, {
      cause,
      detail,
    });
  }
  const { status } = response;
  if (status === 429 || status >= 500) {
    throw new OutageError('STRIPE_UNAVAILABLE', `Stripe answers GET ${url.pathname} with ${status}.`, {
      detail,
    });
  }
  if (status !== 200) {
    throw new PermanentError('STRIPE_REFUSED', `Stripe refuses GET ${url.pathname} with ${status}.`, {
      detail,
    });
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const text = `Stripe answers GET ${url.pathname} in an unknown shape: ${z.prettifyError(parsed.error).slice(0, 300)}`;
  throw new PermanentError('ANSWER_INVALID', text, { detail });
}
