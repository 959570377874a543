/** What a cell holds: text from anywhere, or a number that we wrote. */
export type Cell = string | { readonly number: string };

/** A spreadsheet takes a text that begins so for a formula, or leaves out what it begins with and takes the rest for one. */
const FORMULA_START = /^[=+\-@＝＋－＠\s\p{Cc}]/u;

/**
 * Rows as CSV (RFC 4180): cells with a comma, a quote or a line break are quoted. Text that a spreadsheet would run as a formula
 * gets an apostrophe before it, because names come from other people; numbers of ours stay numbers, also below zero.
 */
export function renderCsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => row.map(renderCell).join(',')).join('\r\n');
}

function renderCell(cell: Cell): string {
  if (typeof cell !== 'string') return cell.number;
  const harmless = FORMULA_START.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
