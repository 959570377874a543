import { settleBanks } from './banks.ts';
import type { Books } from './books.ts';
import type { SimulatorClock } from './clock.ts';
import type { Context, Endpoint } from './context.ts';
import { accountEndpoints } from './endpoints/accounts.ts';
import { balanceEndpoints } from './endpoints/balance.ts';
import { creditNoteEndpoints } from './endpoints/credit-notes.ts';
import { customerEndpoints } from './endpoints/customers.ts';
import { disputeEndpoints } from './endpoints/disputes.ts';
import { invoiceItemEndpoints } from './endpoints/invoice-items.ts';
import { invoiceEndpoints } from './endpoints/invoices.ts';
import { finishDebits, paymentIntentEndpoints } from './endpoints/payment-intents.ts';
import { refundEndpoints } from './endpoints/refunds.ts';
import { transferEndpoints } from './endpoints/transfers.ts';
import { expand } from './expand.ts';
import type { Fault, FaultTable } from './faults.ts';
import { parseForm } from './form.ts';
import { fingerprint, type KeyedRequest, type Keys, type StoredAnswer } from './idempotency.ts';
import type { Limiter } from './limiter.ts';
import { API_VERSION, type StripeEvent } from './objects.ts';
import { settlePayouts } from './payouts.ts';
import { invalidRequest, Refusal } from './refusal.ts';
import { newId, type Store } from './store.ts';
import type { Webhooks } from './webhooks.ts';

const ENDPOINTS: readonly Endpoint[] = [
  ...accountEndpoints,
  ...balanceEndpoints,
  ...creditNoteEndpoints,
  ...customerEndpoints,
  ...disputeEndpoints,
  ...invoiceEndpoints,
  ...invoiceItemEndpoints,
  ...paymentIntentEndpoints,
  ...refundEndpoints,
  ...transferEndpoints,
];

export interface Machine {
  readonly store: Store;
  readonly books: Books;
  readonly clock: SimulatorClock;
  readonly keys: Keys;
  readonly faults: FaultTable;
  readonly limiter: Limiter;
  readonly webhooks: Webhooks;
  readonly secretKey: string;
  readonly closing: AbortSignal;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly key: string | null;
  /** The connected account for which it is asked. */
  readonly account: string | null;
  readonly authorization: string;
}

export interface Reply extends StoredAnswer {
  readonly requestId: string;
  readonly replayed?: boolean;
  /** The socket is cut in place of an answer. */
  readonly cut?: boolean;
  readonly html?: boolean;
  /** Of the limiter's refusal: whose requests were too many. */
  readonly limited?: 'global-rate' | 'endpoint-rate';
}

/** One request to its end. Order as at Stripe: key, limiter, parameters, idempotency, execution. */
export async function answer(machine: Machine, request: Request): Promise<Reply> {
  const requestId = newId('req');
  const fault = machine.faults.take(request.method, request.path);
  try {
    if (request.authorization !== `Bearer ${machine.secretKey}`) {
      throw invalidRequest('Invalid API Key provided.', { status: 401 });
    }
    const limited = fault?.kind === 'rate-limit' ? 'global-rate' : machine.limiter.refuse(limitedAs(request));
    if (limited !== null) {
      return { ...refusalAnswer(tooMany('rate_limit', 'Request rate limit exceeded.')), requestId, limited };
    }
    const reply = await execute(machine, request, fault, requestId);
    machine.webhooks.wake();
    return reply;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...refusalAnswer(error), requestId };
  }
}

async function execute(
  machine: Machine,
  request: Request,
  fault: Fault | null,
  requestId: string,
): Promise<Reply> {
  const { store, keys } = machine;
  const { endpoint, id } = route(request);
  if (request.account !== null) checkAccount(store, endpoint, request.account);
  const form = parseForm(request.method === 'POST' ? request.body : request.query);
  const { run, expands } = endpoint.prepare(form);
  const keyed: KeyedRequest | null =
    request.key === null || request.method !== 'POST'
      ? null
      : { key: request.key, endpoint: `${request.method} ${request.path}`, params: fingerprint(form) };
  const stored = keyed === null ? null : keys.find(keyed);
  if (stored !== null) {
    note(machine, request, stored.status, true);
    return damaged({ ...stored, requestId, replayed: true }, fault);
  }
  return keys.hold(keyed?.key ?? null, async () => {
    if (fault?.kind === 'cut-before-commit') return { status: 0, body: '', requestId, cut: true };
    if (fault?.kind === 'lock-timeout')
      throw tooMany('lock_timeout', 'This object cannot be accessed right now.');
    if (fault?.kind === 'stall') await machine.faults.stall(fault.stallMs, machine.closing);
    const reply = store.transaction(() => {
      settle(machine);
      const work = () => expand(store, run(contextOf(machine, request, requestId), id), expands);
      const reached = struck(fault) ?? attempt(store, work);
      const told = fault?.kind === 'error-after-commit' ? serverError() : reached;
      if (keyed !== null) keys.save(keyed, told);
      note(machine, request, told.status, false);
      return { ...told, requestId };
    });
    return damaged(reply, fault);
  });
}

/** Runs an endpoint; what a refusal wrote is undone, unless it is a decline. */
function attempt(store: Store, work: () => object): StoredAnswer {
  let kept: Refusal | null = null;
  try {
    const body = store.transaction(() => {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof Refusal) || !error.keepsEffects) throw error;
        kept = error;
        return {};
      }
    });
    return kept === null ? { status: 200, body: JSON.stringify(body) } : refusalAnswer(kept);
  } catch (error) {
    if (error instanceof Refusal) return refusalAnswer(error);
    throw error;
  }
}

export function contextOf(
  { store, books, clock, webhooks }: Machine,
  request: Request | null,
  requestId: string | null,
): Context {
  const nowS = Math.floor(clock.nowMs() / 1_000);
  return {
    store,
    books,
    nowS,
    account: request?.account ?? null,
    emit(type, object, account) {
      const event: StripeEvent = {
        id: newId('evt'),
        object: 'event',
        ...(account === undefined ? {} : { account }),
        api_version: API_VERSION,
        created: nowS,
        data: { object },
        livemode: false,
        pending_webhooks: 1,
        request: { id: requestId, idempotency_key: request?.key ?? null },
        type,
      };
      store.insert('event', event, nowS);
      webhooks.enqueue(event);
    },
  };
}

/** Whether anything has come to its day. */
const DUE = `SELECT 1 FROM pending WHERE available_on <= ? UNION ALL SELECT 1 FROM arriving WHERE at <= ?
  UNION ALL SELECT 1 FROM account_balances WHERE due <= ? UNION ALL SELECT 1 FROM debits WHERE answers_on <= ?
  UNION ALL SELECT 1 FROM leaving WHERE at <= ? UNION ALL SELECT 1 FROM meta WHERE name = 'payouts' AND value <> '' AND CAST(value AS INTEGER) <= ? LIMIT 1`;

/** Has banks answer and makes money available whose day has come, and says so once; pays out what connected accounts and the platform have. */
export function settle(machine: Machine): void {
  const context = contextOf(machine, null, null);
  const { store, books } = machine;
  const { nowS } = context;
  if (store.rows(DUE, nowS, nowS, nowS, nowS, nowS, nowS).length === 0) return;
  store.transaction(() => {
    finishDebits(context);
    if (books.settle(nowS)) context.emit('balance.available', books.balance());
    settleBanks(context);
    settlePayouts(context);
  });
}

function checkAccount(store: Store, { ofAccounts }: Endpoint, account: string): void {
  if (store.find('account', account) === null) {
    const message = `The provided key does not have access to account '${account}' (or that account does not exist).`;
    throw invalidRequest(message, { code: 'account_invalid', status: 403 });
  }
  if (!ofAccounts) throw invalidRequest('The simulator does not answer this for a connected account.');
}

/** The endpoint as its limit counts it: the method and the kind of object. */
function limitedAs({ method, path }: Request): string {
  return `${method} ${path.split('/').slice(0, 3).join('/')}`;
}

function route(request: Request): { endpoint: Endpoint; id: string } {
  const parts = request.path.split('/');
  for (const endpoint of ENDPOINTS) {
    const steps = endpoint.path.split('/');
    if (endpoint.method !== request.method || steps.length !== parts.length) continue;
    if (steps.every((step, index) => step === ':id' || step === parts[index])) {
      const at = steps.indexOf(':id');
      return { endpoint, id: at < 0 ? '' : decodeURIComponent(parts[at] ?? '') };
    }
  }
  throw invalidRequest(`Unrecognized request URL (${request.method}: ${request.path}).`, { status: 404 });
}

/** The answer of a fault that strikes before anything is executed. It is stored: execution had begun. */
function struck(fault: Fault | null): StoredAnswer | null {
  if (fault?.kind === 'error-before-commit') return serverError();
  if (fault?.kind === 'refuse')
    return refusalAnswer(invalidRequest('Refused on demand.', { code: fault.code }));
  return null;
}

function damaged(reply: Reply, fault: Fault | null): Reply {
  if (fault?.kind === 'cut-after-commit') return { ...reply, cut: true };
  if (fault?.kind === 'garbage-answer')
    return { ...reply, status: 200, body: '<html>We will be back soon.</html>', html: true };
  return reply;
}

function serverError(): StoredAnswer {
  return refusalAnswer(new Refusal(500, { type: 'api_error', message: 'An unknown error occurred.' }));
}

function tooMany(code: string, message: string): Refusal {
  return invalidRequest(message, { code, status: 429 });
}

function refusalAnswer({ status, body }: Refusal): StoredAnswer {
  return { status, body: JSON.stringify({ error: body }) };
}

function note(
  { store, clock }: Machine,
  { method, path, key }: Request,
  status: number,
  replayed: boolean,
): void {
  if (method === 'GET') return;
  const values = [clock.nowMs(), method, path, key, status, replayed ? 1 : 0];
  store.run(
    'INSERT INTO requests (at_ms, method, path, key, status, replayed) VALUES (?, ?, ?, ?, ?, ?)',
    ...values,
  );
}
