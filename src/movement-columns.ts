import { PermanentError } from './errors.ts';

/** A movement of Stripe's balance, as it is stored. */
export interface Movement {
  readonly id: string;
  /** Id of the object behind it (`ch_…`, `tr_…`, `po_…`), or null. */
  readonly sourceId: string | null;
  /** Free text at Stripe: an unknown one is parked as a break, it never crashes. */
  readonly reportingCategory: string;
  readonly amountMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: string;
  readonly exchangeRate: string | null;
  readonly availableOnMs: number;
  readonly createdMs: number;
}

/** Movements as a text for each column: few long texts are held in less memory than many objects, and less often moved in it. */
export interface MovementColumns {
  readonly count: number;
  readonly columns: readonly string[];
}

/** Between values: a character of one byte that JSON writes as it is. */
const NEXT_VALUE = '\u007f';
const NEXT_COLUMN = '\n';

/**
 * Movements as `store_pages` reads them: a list for each movement would take six times as long to read there. Throws PermanentError
 * ANSWER_INVALID for a text with one of the two separators, of which Stripe has none.
 */
export function toColumns(movements: readonly Movement[]): MovementColumns {
  const texts = (read: (movement: Movement) => string | null) =>
    movements.map((movement) => {
      const text = read(movement) ?? '';
      if (!text.includes(NEXT_VALUE) && !text.includes(NEXT_COLUMN)) return text;
      throw new PermanentError(
        'ANSWER_INVALID',
        'A movement of Stripe has a separator in one of its texts.',
        {
          detail: { movement: movement.id },
        },
      );
    });
  const columns = [
    texts(({ id }) => id),
    texts(({ sourceId }) => sourceId),
    texts(({ reportingCategory }) => reportingCategory),
    movements.map(({ amountMinor }) => amountMinor),
    movements.map(({ feeMinor }) => feeMinor),
    movements.map(({ netMinor }) => netMinor),
    texts(({ currency }) => currency),
    movements.map(({ availableOnMs }) => availableOnMs),
    movements.map(({ createdMs }) => createdMs),
    texts(({ exchangeRate }) => exchangeRate),
  ];
  return { count: movements.length, columns: columns.map((column) => column.join(NEXT_VALUE)) };
}

/** The argument `p_movements` of `store_pages`: all columns of some pages, one after the other. */
export function joinColumns(pages: readonly MovementColumns[]): string {
  const filled = pages.filter(({ count }) => count > 0);
  const [first] = filled;
  return (first?.columns ?? [])
    .map((_, column) => filled.map(({ columns }) => columns[column]).join(NEXT_VALUE))
    .join(NEXT_COLUMN);
}
