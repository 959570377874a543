import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createStripeSimulator, type SimulatorOptions } from '../../sandbox/stripe/simulator.ts';
import { codeOf } from '../../src/errors.ts';
import { createStripeAccounts } from '../../src/integrations/stripe/accounts.ts';
import { createStripeBalance } from '../../src/integrations/stripe/balance.ts';
import { createStripeClient } from '../../src/integrations/stripe/client.ts';
import { createStripeInvoices } from '../../src/integrations/stripe/invoices.ts';
import { createStripePayouts } from '../../src/integrations/stripe/payouts.ts';
import { createStripeSetup } from '../../src/integrations/stripe/setup.ts';
import { createStripeTransfers } from '../../src/integrations/stripe/transfers.ts';
import { createStripeWithdrawals } from '../../src/integrations/stripe/withdrawals.ts';

export const SECRET_KEY = 'sk_test_simulator';
export const DAY_MS = 86_400_000;

/** Where a simulator starts whose test counts days: midnight UTC never comes in the middle of it. */
export const NOON_MS = Date.UTC(2026, 10, 2, 12);

/** A directory that is gone when the test is over. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'callclear-stripe-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A simulator that is closed when the test is over. */
export async function startSimulator(options: Partial<SimulatorOptions> = {}) {
  const dataDir = options.dataDir ?? temporaryDirectory();
  const simulator = await createStripeSimulator({
    dataDir,
    port: 0,
    secretKey: SECRET_KEY,
    webhook: null,
    ...options,
  });
  onTestFinished(() => simulator.close());
  return simulator;
}

/** Of an account of Stripe in test mode, against which the contract is tried too; absent when nobody gave one. */
export const STRIPE_TEST_KEY = process.env.STRIPE_TEST_KEY ?? null;

/** Everything that our code uses of Stripe, on the simulator or at `url` null; `failures` are the codes of failed requests. */
export function connect(
  url: string | null,
  { timeoutMs = 5_000, secretKey = SECRET_KEY }: { timeoutMs?: number; secretKey?: string } = {},
) {
  const failures: string[] = [];
  const client = createStripeClient({
    secretKey,
    apiBase: url === null ? null : new URL(url),
    timeoutMs,
    livemode: false,
    onFailure: ({ operation, code }) => failures.push(`${operation} ${code}`),
    retryBaseMs: 5,
  });
  const setup = createStripeSetup(client);
  return {
    client,
    failures,
    setup,
    transfers: createStripeTransfers(client),
    invoices: createStripeInvoices(client),
    accounts: createStripeAccounts(client),
    balance: createStripeBalance(client),
    payouts: createStripePayouts(client),
    withdrawals: createStripeWithdrawals(client),
    buyer: (buyerId = 'buyer-1', paymentMethod = 'pm_card_bypassPending') =>
      setup.ensureCustomer({ buyerId, name: 'Buyer', email: 'buyer@example.com', paymentMethod }),
    supplier: (supplierId = 'supplier-1') => setup.ensureAccount({ supplierId, name: 'Supplier' }),
  };
}

/** Stripe's API without a library, for what a library hides. */
export function rawApi(url: string, key = SECRET_KEY) {
  return async (method: string, path: string, form: Record<string, string> = {}, idempotencyKey?: string) => {
    const body = new URLSearchParams(form).toString();
    const answer = await fetch(`${url}${path}${method === 'GET' && body !== '' ? `?${body}` : ''}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      ...(method === 'POST' ? { body } : {}),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      replayed: answer.headers.get('idempotent-replayed') === 'true',
      text,
      json: (): Record<string, unknown> & {
        id: string;
        error: { code?: string; type: string; param?: string };
      } => JSON.parse(text),
    };
  };
}

/** For a call that nobody aborts. */
export const options = () => ({ signal: new AbortController().signal });

export async function codeOfThrown(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing was thrown';
  } catch (error) {
    return codeOf(error, 'ROUTE_UNKNOWN');
  }
}
