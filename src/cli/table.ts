import { CURRENCIES, formatMoney, parseCurrency } from '../money.ts';

/** An instant to the minute, in UTC; a dash where there is none. */
export const minuteOf = (ms: number | null): string =>
  ms === null ? '-' : new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

/** Rows as text in columns, the first row being the head; columns of amounts stand at the right. */
export function renderTable(rows: readonly (readonly string[])[], rightAligned: readonly number[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number) => {
    const width = widths[column] ?? 0;
    return rightAligned.includes(column) ? text.padStart(width) : text.padEnd(width);
  };
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}

/** An amount for people; of a currency that the books do not have, in minor units. A dash where there is none. */
export function amountOf(amountMinor: number | null, currency: string | null): string {
  if (amountMinor === null || currency === null) return '-';
  if (!Object.hasOwn(CURRENCIES, currency)) return `${amountMinor} ${currency}`;
  return formatMoney({ amountMinor, currency: parseCurrency(currency) });
}
