import type Stripe from 'stripe';
import { z } from 'zod';
import { ApiError, PermanentError } from '../../errors.ts';
import { type StripeCall, type StripeClient, valueOrThrow } from './client.ts';
import type { FrozenInvoice, FrozenInvoiceLine, IssuedInvoice } from './invoices.ts';
import { invoiceStatus, listSchema, minorUnits, readAllPages } from './schemas.ts';
import { automaticTax, missingTax, netAndTax, taxFields, taxNotComputed, taxRefusal } from './taxes.ts';

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
  ...taxFields,
  automatic_tax: automaticTax,
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
  const { id } = old ?? (await orWithoutTax(run, null, makeDraft(run)));
  const found = await readInvoice(run, id).catch((error: unknown) => {
    // An earlier run deleted it and died before that was recorded; its keys still answer with it.
    const isGone = error instanceof ApiError && error.statusCode === 404;
    throw isGone ? mismatch(invoice, `the draft ${id} is gone`) : error;
  });
  if (found.status === 'draft') {
    const present = new Set((await listLines(run, id)).map(({ metadata: facts }) => facts?.callclear_line));
    for (const [index, line] of invoice.lines.entries()) {
      if (!present.has(String(index))) await addLine(run, id, line, index);
    }
  }
  const compared = await compare(run, found);
  // No balance transaction would ever show what Stripe settles with it.
  if (found.status === 'draft' && found.starting_balance !== 0)
    throw withBalance(invoice, found.starting_balance);
  if (found.status !== 'draft') return send(run, compared);
  const problem = missingTax(compared.automatic_tax);
  if (problem !== null) return withoutTax(run, id, problem);
  const issued = await orWithoutTax(run, id, finalize(run, id));
  // Whoever else can write at Stripe may have changed the draft after it was compared.
  if (!isFrozen(issued, invoice))
    throw changed(invoice, `the invoice ${id} was changed while it was finalised`);
  return send(run, issued);
}

/** Its lines sum to the frozen amount, and what is on top of them is tax that was asked for. */
function isFrozen(found: Issued, { amountMinor, automaticTax: isTaxed }: FrozenInvoice): boolean {
  const { enabled, status } = found.automatic_tax;
  const { netMinor, taxMinor } = netAndTax(found.id, found);
  if (netMinor !== amountMinor || enabled !== isTaxed) return false;
  return isTaxed ? found.status === 'draft' || status === 'complete' : taxMinor === 0;
}

async function orWithoutTax<T>(run: Run, draftId: string | null, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const refusal = taxRefusal(error);
    if (refusal === null) throw error;
    return withoutTax(run, draftId, refusal);
  }
}

/**
 * Where Stripe cannot compute the tax its draft is deleted: Stripe may have stored the refusal under the keys of this
 * generation, and the next one is computed by the address that the customer has then.
 */
async function withoutTax(run: Run, draftId: string | null, problem: string): Promise<never> {
  if (draftId !== null) await removeDraft(run, draftId);
  throw taxNotComputed(run.invoice.invoiceId, problem);
}

/** Whether or not it succeeds: a draft that is left asks nobody for money. */
async function removeDraft({ client, signal }: Run, id: string): Promise<void> {
  const schema = z.object({ deleted: z.literal(true) });
  await client.post({ operation: 'invoices.del', signal, schema, run: (sdk) => sdk.invoices.del(id) });
}

/** Has Stripe send an invoice on terms to the buyer; a run that comes again sends it under the same key. */
async function send(run: Run, issued: Issued): Promise<IssuedInvoice> {
  const { id, status } = issued;
  const look = async () => null;
  if (run.invoice.paymentTermsDays !== null && status === 'open') {
    const mail = (sdk: Stripe, idempotencyKey: string) =>
      sdk.invoices.sendInvoice(id, {}, { idempotencyKey });
    await step(run, 'send', { operation: 'invoices.sendInvoice', schema: issuedSchema, run: mail }, look);
  }
  return { stripeInvoiceId: id, status, taxMinor: netAndTax(id, issued).taxMinor };
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
        ...(invoice.automaticTax ? { automatic_tax: { enabled: true } } : {}),
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
        ...(invoice.automaticTax ? { tax_behavior: 'exclusive' } : {}),
        metadata: {
          callclear_line: String(index),
          ...(line.campaignId === null ? {} : { campaign_id: line.campaignId }),
          calls: String(line.calls),
        },
      },
      { idempotencyKey },
    );
  const isIt = ({ metadata: facts }: Line) => facts?.callclear_line === String(index);
  const look = async () => (await listLines(run, id)).find(isIt) ?? null;
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
async function compare(run: Run, { id, status }: Issued): Promise<Issued> {
  const { invoice } = run;
  const lines = await listLines(run, id);
  const now = await readInvoice(run, id);
  const differs = (line: FrozenInvoiceLine, index: number) => {
    const [first, ...more] = lines.filter(({ metadata: facts }) => facts?.callclear_line === String(index));
    if (first === undefined || more.length > 0) return true;
    const { amount, currency, description } = first;
    return amount !== line.amountMinor || currency !== invoice.currency || description !== line.description;
  };
  if (lines.length === invoice.lines.length && isFrozen(now, invoice) && !invoice.lines.some(differs))
    return now;
  if (status !== 'draft')
    throw changed(invoice, `the finalised invoice ${id} has other lines than were frozen`);
  await removeDraft(run, id);
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
