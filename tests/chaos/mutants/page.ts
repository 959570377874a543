import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../helpers/migrations.ts';
import { INVARIANTS } from './invariants.ts';
import { MUTANTS } from './table.ts';

const PAGE = join(PROJECT, 'docs', 'reliability-mutants.md');

const HEAD = `# Deliberate defects

A test that cannot fail proves nothing. For each promise about money at least one deliberate defect is kept as a patch in
\`tests/chaos/mutants/\`; \`npm run mutants\` makes each in a copy of the tree and requires that its test is green without
it and red with it. \`npm run mutants -- --table\` writes this page.

"Audited by" names checks of [the audit](audit.md), which reads the books and Stripe after every close. Each of these
checks has a deliberate error of the books of its own, in \`tests/real/audit.test.ts\`.
`;

export interface AuditLine {
  readonly check: string;
  readonly invariant: string;
}

/** The checks of the audit, as its page has them; a test holds that page equal to what the audit answers. */
export function readAuditPage(): AuditLine[] {
  const lines = readFileSync(join(PROJECT, 'docs', 'audit.md'), 'utf8').split('\n');
  const cells = lines.filter((line) => line.startsWith('| ')).map((line) => line.split('|').slice(1, 3));
  return cells
    .map(([check = '', invariant = '']) => ({ check: check.trim(), invariant: invariant.trim() }))
    .filter(({ check }) => check !== 'check' && !check.startsWith('--'));
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

function promises(audit: readonly AuditLine[]): string {
  return table(
    ['invariant', 'promise', 'audited by', 'defects', 'not built'],
    INVARIANTS.map(({ id, promise, notBuilt = '' }) => [
      id,
      promise,
      audit
        .filter(({ invariant }) => invariant === id)
        .map(({ check }) => check)
        .join('; '),
      MUTANTS.filter(({ invariants }) => invariants.includes(id))
        .map(({ name }) => `\`${name}\``)
        .join(', '),
      notBuilt,
    ]),
  );
}

function defects(): string {
  return table(
    ['defect', 'what it breaks', 'invariants', 'red by'],
    MUTANTS.map(({ name, breaks, invariants, redBy: { file, test, check } }) => [
      `\`${name}\``,
      breaks,
      invariants.join(', '),
      `\`${file}\`: ${test}${check === undefined ? '' : `, by the check "${check}"`}`,
    ]),
  );
}

export function renderPage(): string {
  const audit = readAuditPage();
  const further = audit.filter(({ check, invariant }) => invariant === '' && !check.startsWith('listed: '));
  return [
    HEAD,
    '## The promises\n',
    `${promises(audit)}\n`,
    'The audit further holds what is no numbered promise:\n',
    ...further.map(({ check }) => `- ${check}`),
    '\n## The defects\n',
    defects(),
    '',
  ].join('\n');
}

export function writePage(): void {
  writeFileSync(PAGE, renderPage());
}

export const readPage = (): string => readFileSync(PAGE, 'utf8');
