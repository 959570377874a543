import { z } from 'zod';

/** What we read of Stripe's objects; anything else they carry is let through unread. */
export const minorUnits = z.int();
export const epochMs = z.int().transform((seconds) => seconds * 1_000);
export const invoiceStatus = z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']);

export function listSchema<T>(item: z.ZodType<T>) {
  return z.object({ data: z.array(item), has_more: z.boolean() });
}

interface Page<T> {
  readonly data: T[];
  readonly has_more: boolean;
}

/** Reads page after page to the end; `load` gets the id after which the next page starts. */
export async function readAllPages<T extends { id: string }>(
  load: (startingAfter: string | undefined) => Promise<Page<T>>,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const page = await load(all.at(-1)?.id);
    all.push(...page.data);
    if (!page.has_more || page.data.length === 0) return all;
  }
}
