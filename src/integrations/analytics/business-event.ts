import { z } from 'zod';
import { PermanentError } from '../../errors.ts';

const id = z.uuid();
const amountMinor = z.int();
const currency = z.string().length(3).lowercase();
const date = z.iso.date();

/** Letters and underscores: a word of ours, and no number of a telephone. */
const LETTERS = new Set('abcdefghijklmnopqrstuvwxyz_');
const word = z
  .string()
  .max(40)
  .refine((text) => [...text].every((letter) => LETTERS.has(letter)));

const head = { id, atMs: z.int() };

/**
 * All that leaves the house of what happened. It is a list of what is allowed: a field that stands here for no kind of event is
 * dropped, and no field takes a text in which a name or a number could stand.
 */
const eventSchema = z.discriminatedUnion('kind', [
  z.object({
    ...head,
    kind: z.literal('call.qualified'),
    data: z.object({
      ...{ callId: id, campaignId: id, buyerId: id, supplierId: id, currency },
      ...{ priceMinor: amountMinor, shareMinor: amountMinor, durationS: z.int(), businessDate: date },
    }),
  }),
  z.object({
    ...head,
    kind: z.literal('invoice.paid'),
    data: z.object({
      ...{ invoiceId: id, buyerId: id, currency, amountMinor, taxMinor: amountMinor, businessDate: date },
    }),
  }),
  z.object({
    ...head,
    kind: z.literal('payout.sent'),
    data: z.object({ payoutId: id, supplierId: id, currency, amountMinor, businessDate: date }),
  }),
  z.object({
    ...head,
    kind: z.literal('break.opened'),
    data: z.object({
      ...{ breakId: z.int(), kind: word, currency, amountMinor, day: date, stopsPayouts: z.boolean() },
    }),
  }),
]);
export type BusinessEvent = z.output<typeof eventSchema>;

/** Throws PAYLOAD_INVALID, which names fields and no values. */
export function parseEvent(event: unknown): BusinessEvent {
  const parsed = eventSchema.safeParse(event);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path }) => path.join('.') || 'the event');
  throw new PermanentError('PAYLOAD_INVALID', `This is no business event: ${fields.slice(0, 5).join(', ')}`);
}
