const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML shows it, in an element or a quoted attribute. */
export const escapeHtml = (text: string): string =>
  [...text].map((character) => ENTITIES[character] ?? character).join('');

const STYLE = `:root { color-scheme: light; font: 14px/1.45 system-ui, sans-serif; color: #1c2430 }
body { margin: 2.5rem auto; max-width: 84rem; padding: 0 1.5rem }
h1 { font-size: 1.6rem; margin: 0 0 .25rem } h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem }
p { margin: .25rem 0; color: #566273 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid #e3e8ee; vertical-align: top }
th { font-weight: 600; color: #566273; border-bottom-color: #b9c3cf } .amount { text-align: right } td.amount { white-space: nowrap }
tr.sum td { font-weight: 600; background: #f4f6f9 } td { overflow-wrap: break-word } td.day { white-space: nowrap }
@media print { body { margin: 0; max-width: none } tr { break-inside: avoid } thead { display: table-header-group } }`;

/** A page that needs nothing else. `body` is HTML. */
export function renderPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body>
${body}
</body>
</html>`;
}

/** Rows of text as a table, the first row being the head; the columns in `rightAligned` are amounts, the rows in `sums` totals. */
export function renderHtmlTable(
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[],
  sums: readonly number[] = [],
): string {
  const cells = (row: readonly string[], tag: 'th' | 'td') =>
    row
      .map(
        (text, column) =>
          `<${tag}${rightAligned.includes(column) ? ' class="amount"' : column === 0 ? ' class="day"' : ''}>${escapeHtml(text)}</${tag}>`,
      )
      .join('');
  const [head = [], ...body] = rows;
  const lines = body.map(
    (row, index) => `<tr${sums.includes(index + 1) ? ' class="sum"' : ''}>${cells(row, 'td')}</tr>`,
  );
  return `<table><thead><tr>${cells(head, 'th')}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody></table>`;
}
