import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import { type StripeClient, valueOrThrow } from './client.ts';
import { type StripeFailure, toHouseError } from './errors.ts';
import { listSchema, minorUnits, readAllPages } from './schemas.ts';
import { netAndTax, taxFields } from './taxes.ts';

/** What takes the price of a call off an open invoice. */
export interface CreditNote {
  readonly creditNoteId: string;
  /** Without tax. */
  readonly amountMinor: number;
  /** The campaign of the call, where Stripe computes the tax of the invoice; null where it does not. */
  readonly taxedCampaignId: string | null;
}

/** It stands at Stripe, with the tax that Stripe took off beside the amount; or Stripe refused it: by Stripe's code. */
export type CreditNoteEnd =
  | { readonly stripeCreditNoteId: string; readonly taxMinor: number }
  | { readonly problem: string };

const noteSchema = z.object({
  id: z.string(),
  amount: minorUnits,
  ...taxFields,
  lines: listSchema(z.object({ amount: minorUnits, invoice_line_item: z.string().nullish() })),
  /** Of it what is not taken off the rest of the invoice, but would have to be given back. */
  post_payment_amount: minorUnits,
  metadata: z.record(z.string(), z.string()).nullable(),
});
type Note = z.output<typeof noteSchema>;
const lineSchema = z.object({
  id: z.string(),
  amount: minorUnits,
  metadata: z.record(z.string(), z.string()).nullable(),
});
type Line = z.output<typeof lineSchema>;

/** Stored failures of one note before it waits until Stripe has forgotten them. */
const MOST_KEYS = 8;
/** Failures that say that Stripe will not have it: of what is left, which never grows, or of the invoice's state. */
const REFUSED: readonly StripeFailure['kind'][] = ['refused', 'parameters'];
/** Failures of a try that was not carried out. */
const UNTRIED: readonly StripeFailure['kind'][] = ['limited', 'in-use', 'denied', 'key-mismatch'];

/**
 * Makes one credit note, unless the invoice has it already: it is looked up by our id in the full listing of the invoice before
 * anything is sent, so that it does not matter whether Stripe still knows the key, and after every failure. The key stops two
 * runs at the same time from making two. No refund and no credit of the customer is allowed: Stripe refuses what is more than
 * is left to be paid.
 */
export async function creditInvoice(
  client: StripeClient,
  stripeInvoiceId: string,
  note: CreditNote,
  signal: AbortSignal,
): Promise<CreditNoteEnd> {
  const operation = 'creditNotes.create';
  const notes = await listNotes(client, stripeInvoiceId, signal);
  const known = findNote(notes, note);
  if (known !== null) return known;
  const what =
    note.taxedCampaignId === null
      ? { amount: note.amountMinor }
      : { lines: takeOff(note, notes, await listLines(client, stripeInvoiceId, signal)) };
  if (what.lines?.length === 0) return { problem: 'no_line_has_so_much' };
  for (let nth = 1; ; nth += 1) {
    const idempotencyKey = `credit-note-${note.creditNoteId}${nth === 1 ? '' : `-${nth}`}`;
    const answer = await client.post({
      operation,
      signal,
      schema: noteSchema,
      run: (sdk) =>
        sdk.creditNotes.create(
          {
            invoice: stripeInvoiceId,
            ...what,
            metadata: { callclear_credit_note_id: note.creditNoteId },
          },
          { idempotencyKey },
        ),
    });
    if (answer.ok) return standing(answer.value, note);
    const { kind, code, replayed } = answer.failure;
    if (UNTRIED.includes(kind)) throw toHouseError(operation, answer.failure);
    const made = findNote(await listNotes(client, stripeInvoiceId, signal), note);
    if (made !== null) return made;
    if (REFUSED.includes(kind)) return { problem: code };
    if (kind !== 'unreachable' || !replayed || nth === MOST_KEYS) return valueOrThrow(operation, answer);
  }
}

function listNotes(client: StripeClient, invoice: string, signal: AbortSignal): Promise<Note[]> {
  return readAllPages((after) =>
    client.read({
      operation: 'creditNotes.list',
      signal,
      schema: listSchema(noteSchema),
      run: (sdk) =>
        sdk.creditNotes.list({
          invoice,
          limit: 100,
          ...(after === undefined ? {} : { starting_after: after }),
        }),
    }),
  );
}

function listLines(client: StripeClient, invoice: string, signal: AbortSignal): Promise<Line[]> {
  return readAllPages((after) =>
    client.read({
      operation: 'invoices.listLineItems',
      signal,
      schema: listSchema(lineSchema),
      run: (sdk) =>
        sdk.invoices.listLineItems(invoice, {
          limit: 100,
          ...(after === undefined ? {} : { starting_after: after }),
        }),
    }),
  );
}

/**
 * What the note takes off which lines, without tax: Stripe computes the tax by its lines. Of those of the call's campaign first,
 * and no more of each than earlier notes left; nothing where all of them together have not so much.
 */
function takeOff({ amountMinor, taxedCampaignId }: CreditNote, notes: readonly Note[], all: readonly Line[]) {
  const isOther = ({ metadata }: Line) => Number(metadata?.campaign_id !== taxedCampaignId);
  const taken = notes.flatMap(({ lines }) => lines.data);
  let rest = amountMinor;
  const lines = all
    .toSorted((left, right) => isOther(left) - isOther(right))
    .flatMap(({ id, amount: whole }) => {
      const before = taken.filter(({ invoice_line_item: of }) => of === id);
      const left = before.reduce((sum, { amount }) => sum - amount, whole);
      const amount = Math.min(rest, left);
      rest -= Math.max(0, amount);
      return amount > 0 ? [{ type: 'invoice_line_item', invoice_line_item: id, amount } as const] : [];
    });
  return rest === 0 ? lines : [];
}

/** The note of our id among all of the invoice; null when there is none. */
function findNote(all: readonly Note[], note: CreditNote): CreditNoteEnd | null {
  const found = all.find(({ metadata }) => metadata?.callclear_credit_note_id === note.creditNoteId);
  return found === undefined ? null : standing(found, note);
}

/** Throws PermanentError ANSWER_INVALID for a note of our id that does not do what ours does. */
function standing(found: Note, note: CreditNote): CreditNoteEnd {
  const { id, amount, total, post_payment_amount: givenBack } = found;
  const { netMinor, taxMinor } = netAndTax(id, found);
  if (netMinor === note.amountMinor && amount === total && givenBack === 0)
    return { stripeCreditNoteId: id, taxMinor };
  const message = 'A credit note of ours has another amount, or gave something back.';
  throw new PermanentError('ANSWER_INVALID', message, {
    detail: { creditNoteId: note.creditNoteId, stripeCreditNoteId: id },
  });
}
