import type Stripe from 'stripe';
import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import { type StripeCall, type StripeClient, valueOrThrow } from './client.ts';
import type { FrozenInvoice, FrozenInvoiceLine, IssuedInvoice } from './invoices.ts';
import { invoiceStatus, listSchema, minorUnits, readAllPages } from './schemas.ts';

/** Stripe may forget a key after 24 h; what is older than this is looked up first. */
const KEY_TRUSTED_MS = 23 * 3_600_000;
const DAY_S = 86_400;
/** Stored failures of one step before it waits until Stripe has forgotten them. */
const MOST_KEYS = 8;

const metadata = z.record(z.string(), z.string()).nullable();
const issuedSchema = z.object({
  id: z.string(),
  status: invoiceStatus,
  currency: z.string(),
  total: minorUnits,
  /** Of the customer's credit (below 0) or debit that Stripe keeps, and would settle with this invoice. */
  starting_balance: z.int(),
  metadata,
});
const itemSchema = z.object({ id: z.string() });
const lineSchema = z.object({
  id: z.string(),
  amount: minorUnits,
  currency: z.string(),
  description: z.string().nullable(),
  metadata,
});
type Line = z.output<typeof lineSchema>;
type Issued = z.output<typeof issuedSchema>;

interface Run {
  readonly client: StripeClient;
  readonly invoice: FrozenInvoice;
  readonly signal: AbortSignal;
}

/**
 * Makes the invoice at Stripe, or goes on where an earlier run stopped.
 *
 * Each step first reads what is there, so that it does not matter how far the earlier run came or whether Stripe
 * still knows its keys; the keys stop two runs at the same time from doing a step twice.
 */
export async function issueInvoice(
  client: StripeClient,
  invoice: FrozenInvoice,
  { signal, nowMs }: { signal: AbortSignal; nowMs: number },
): Promise<IssuedInvoice> {
  const run: Run = { client, invoice, signal };
  if (invoice.lines.reduce((sum, line) => sum + line.amountMinor, 0) !== invoice.amountMinor) {
    throw mismatch(invoice, 'the frozen lines do not sum to the frozen amount');
  }
  const old = nowMs - invoice.plannedAtMs > KEY_TRUSTED_MS ? await findInvoice(run) : null;
  const { id } = old ?? (await makeDraft(run));
  const found = await readInvoice(run, id);
  if (found.status === 'draft') {
    const present = new Set((await listLines(run, id)).map(({ metadata: facts }) => facts?.callclear_line));
    for (const [index, line] of invoice.lines.entries()) {
      if (!present.has(String(index))) await addLine(run, id, line, index);
    }
  }
  await compare(run, found);
  // No balance transaction would ever show what Stripe settles with it.
  if (found.status === 'draft' && found.starting_balance !== 0)
    throw withBalance(invoice, found.starting_balance);
  if (found.status !== 'draft') return send(run, id, found.status);
  const { status, total } = await finalize(run, id);
  // Whoever else can write at Stripe may have changed the draft after it was compared.
  if (total !== invoice.amountMinor)
    throw changed(invoice, `the invoice ${id} was changed while it was finalised`);
  return send(run, id, status);
}

/** Has Stripe send an invoice on terms to the buyer; a run that comes again sends it under the same key. */
async function send(run: Run, id: string, status: Issued['status']): Promise<IssuedInvoice> {
  const look = async () => null;
  if (run.invoice.paymentTermsDays !== null && status === 'open') {
    const mail = (sdk: Stripe, idempotencyKey: string) =>
      sdk.invoices.sendInvoice(id, {}, { idempotencyKey });
    await step(run, 'send', { operation: 'invoices.sendInvoice', schema: issuedSchema, run: mail }, look);
  }
  return { stripeInvoiceId: id, status };
}

/**
 * Sends one step under its key. Without a definite answer, `look` tells whether it had its effect. Where Stripe
 * replays a stored failure, that request has ended without effect and will answer the same until the key is
 * forgotten: the step is then sent under its next key.
 */
async function step<T>(
  { client, invoice, signal }: Run,
  name: string,
  call: {
    operation: string;
    schema: StripeCall<T>['schema'];
    run: (sdk: Stripe, idempotencyKey: string) => Promise<unknown>;
  },
  look: () => Promise<T | null>,
): Promise<T> {
  const send = (key: string) => client.post({ ...call, signal, run: (sdk) => call.run(sdk, key) });
  const key = `invoice-${invoice.invoiceId}-${invoice.generation}-${name}`;
  for (let nth = 1; ; nth += 1) {
    const answer = await send(nth === 1 ? key : `${key}-${nth}`);
    if (answer.ok || answer.failure.kind !== 'unreachable') return valueOrThrow(call.operation, answer);
    const found = await look();
    if (found !== null) return found;
    if (!answer.failure.replayed || nth === MOST_KEYS) return valueOrThrow(call.operation, answer);
  }
}

function makeDraft(run: Run): Promise<{ id: string }> {
  const { invoice } = run;
  const create = (sdk: Stripe, idempotencyKey: string) =>
    sdk.invoices.create(
      {
        customer: invoice.customer,
        currency: invoice.currency,
        auto_advance: false,
        ...(invoice.paymentTermsDays === null
          ? { collection_method: 'charge_automatically' }
          : { collection_method: 'send_invoice', days_until_due: invoice.paymentTermsDays }),
        pending_invoice_items_behavior: 'exclude',
        metadata: {
          callclear_invoice_id: invoice.invoiceId,
          callclear_generation: String(invoice.generation),
        },
      },
      { idempotencyKey },
    );
  return step(run, 'draft', { operation: 'invoices.create', schema: issuedSchema, run: create }, () =>
    findInvoice(run),
  );
}

/** The invoice that an earlier run made for this row and generation, by the full listing of the customer. */
async function findInvoice({ client, invoice, signal }: Run): Promise<Issued | null> {
  const created = { gte: Math.floor(invoice.plannedAtMs / 1_000) - DAY_S };
  const all = await readAllPages((after) =>
    client.read({
      operation: 'invoices.list',
      signal,
      schema: listSchema(issuedSchema),
      run: (sdk) => sdk.invoices.list({ customer: invoice.customer, created, limit: 100, ...cursor(after) }),
    }),
  );
  const ours = all.filter(
    ({ metadata: facts }) =>
      facts?.callclear_invoice_id === invoice.invoiceId &&
      facts.callclear_generation === String(invoice.generation),
  );
  // A second draft can only be left over from a run that never came to its lines: what went furthest is ours.
  return ours.find(({ status }) => status !== 'draft') ?? ours.at(-1) ?? null;
}

function readInvoice({ client, signal }: Run, id: string): Promise<Issued> {
  const operation = 'invoices.retrieve';
  return client.read({ operation, signal, schema: issuedSchema, run: (sdk) => sdk.invoices.retrieve(id) });
}

function listLines({ client, signal }: Run, id: string): Promise<Line[]> {
  return readAllPages((after) =>
    client.read({
      operation: 'invoices.listLineItems',
      signal,
      schema: listSchema(lineSchema),
      run: (sdk) => sdk.invoices.listLineItems(id, { limit: 100, ...cursor(after) }),
    }),
  );
}

async function addLine(run: Run, id: string, line: FrozenInvoiceLine, index: number): Promise<void> {
  const { invoice } = run;
  const create = (sdk: Stripe, idempotencyKey: string) =>
    sdk.invoiceItems.create(
      {
        customer: invoice.customer,
        invoice: id,
        currency: invoice.currency,
        amount: line.amountMinor,
        description: line.description,
        metadata: {
          callclear_line: String(index),
          ...(line.campaignId === null ? {} : { campaign_id: line.campaignId }),
          calls: String(line.calls),
        },
      },
      { idempotencyKey },
    );
  const look = async () => {
    const lines = await listLines(run, id);
    return lines.find(({ metadata: facts }) => facts?.callclear_line === String(index)) ?? null;
  };
  await step(
    run,
    `line-${index}`,
    { operation: 'invoiceItems.create', schema: itemSchema, run: create },
    look,
  );
}

/** Finalises; `auto_advance` stays off, so that nothing is collected but by our own `pay`. */
function finalize(run: Run, id: string): Promise<Issued> {
  const look = async () => {
    const found = await readInvoice(run, id);
    return found.status === 'draft' ? null : found;
  };
  const send = (sdk: Stripe, idempotencyKey: string) =>
    sdk.invoices.finalizeInvoice(id, { auto_advance: false }, { idempotencyKey });
  return step(
    run,
    'finalize',
    { operation: 'invoices.finalizeInvoice', schema: issuedSchema, run: send },
    look,
  );
}

/**
 * Compares all lines at Stripe with the frozen ones. A draft that differs is deleted, since nothing was asked of the
 * buyer yet: the next generation makes it anew. Throws PermanentError INVOICE_MISMATCH, or INVOICE_CHANGED when it is
 * finalised: the buyer may pay that one, so another one beside it would bill the same calls twice.
 */
async function compare(run: Run, { id, status }: Issued): Promise<void> {
  const { client, invoice, signal } = run;
  const lines = await listLines(run, id);
  const { total } = await readInvoice(run, id);
  const differs = (line: FrozenInvoiceLine, index: number) => {
    const [first, ...more] = lines.filter(({ metadata: facts }) => facts?.callclear_line === String(index));
    if (first === undefined || more.length > 0) return true;
    const { amount, currency, description } = first;
    return amount !== line.amountMinor || currency !== invoice.currency || description !== line.description;
  };
  if (lines.length === invoice.lines.length && total === invoice.amountMinor && !invoice.lines.some(differs))
    return;
  if (status !== 'draft')
    throw changed(invoice, `the finalised invoice ${id} has other lines than were frozen`);
  const schema = z.object({ deleted: z.literal(true) });
  await client.post({ operation: 'invoices.del', signal, schema, run: (sdk) => sdk.invoices.del(id) });
  throw mismatch(invoice, `the invoice ${id} has other lines than were frozen`);
}

const refusal =
  (code: 'INVOICE_MISMATCH' | 'INVOICE_CHANGED') =>
  ({ invoiceId, generation }: FrozenInvoice, why: string): PermanentError =>
    new PermanentError(code, `Invoice ${invoiceId} is not what was frozen: ${why}.`, {
      detail: { invoiceId, generation },
    });
function withBalance({ invoiceId }: FrozenInvoice, balanceMinor: number): PermanentError {
  const message = `The customer of invoice ${invoiceId} has a balance at Stripe that would be settled with it: set it to 0.`;
  return new PermanentError('CUSTOMER_BALANCE', message, { detail: { invoiceId, balanceMinor } });
}
const mismatch = refusal('INVOICE_MISMATCH');
const changed = refusal('INVOICE_CHANGED');

function cursor(after: string | undefined) {
  return after === undefined ? {} : { starting_after: after };
}
