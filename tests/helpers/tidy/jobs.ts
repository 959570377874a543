import { isIn, perFile, type Rule } from './rule.ts';
import { findNodes, type Node, type Source } from './source.ts';

const REGISTRY = 'src/jobs/registry.ts';
const ERRORS = 'src/errors.ts';
/** Codes that stand in ERROR_CODES before anything throws them, each with its reason. */
const CODES_IN_WAITING: readonly string[] = [];

const isJobFile = (path: string): boolean => isIn('src/jobs')(path) && path.endsWith('.job.ts');

/** `export const x = defineJob(…)`. */
function isJobExport(node: Node): boolean {
  if (node.type !== 'ExportNamedDeclaration' || node.declaration?.type !== 'VariableDeclaration')
    return false;
  return node.declaration.declarations.some(
    ({ init }) =>
      init?.type === 'CallExpression' &&
      init.callee.type === 'Identifier' &&
      init.callee.name === 'defineJob',
  );
}

/** The comment directly above `node`, or an empty text. */
function docstringOf(source: Source, node: Node): string {
  const above = source.comments.findLast(({ end }) => end <= node.start);
  if (above === undefined || above.type !== 'Block') return '';
  return source.text.slice(above.end, node.start).trim() === '' ? above.value : '';
}

function jobExports(source: Source): Node[] {
  if (source.program?.type !== 'Program') return [];
  return source.program.body.filter(isJobExport);
}

const registered: Rule = {
  name: 'every job file is registered in src/jobs/registry.ts',
  check({ sources }) {
    const registry = sources.find(({ path }) => path === REGISTRY);
    if (registry === undefined) return [];
    const known = new Set(registry.imports.map(({ file }) => file));
    return sources
      .filter(({ path }) => isJobFile(path) && !known.has(path))
      .map(({ path }) => `${path} is not registered`);
  },
};

function codesOf(errors: Source): string[] {
  const codes: string[] = [];
  findNodes(errors, (node, ancestors) => {
    const table = ancestors.findLast(({ type }) => type === 'VariableDeclarator');
    if (node.type !== 'Property' || node.key.type !== 'Identifier') return null;
    if (
      table?.type === 'VariableDeclarator' &&
      table.id.type === 'Identifier' &&
      table.id.name === 'ERROR_CODES'
    ) {
      codes.push(node.key.name);
    }
    return null;
  });
  return codes;
}

const codesUsed: Rule = {
  name: 'every error code is used in src or in the SQL, and none is in waiting that is used',
  check({ sources }) {
    const errors = sources.find(({ path }) => path === ERRORS);
    // Before there is a registry there are no jobs, and most codes have nobody yet who could throw them.
    if (errors === undefined || !sources.some(({ path }) => path === REGISTRY)) return [];
    const users = sources.filter(({ path }) => path !== ERRORS && isIn('src', 'supabase')(path));
    return codesOf(errors).flatMap((code) => {
      const used = users.some(({ text }) => text.includes(`'${code}'`));
      const waits = CODES_IN_WAITING.includes(code);
      if (used && waits) return [`${code} is used and still in waiting`];
      return used || waits ? [] : [`${code} is used nowhere`];
    });
  },
};

export const jobRules: readonly Rule[] = [
  registered,
  perFile('a job file exports one job', isJobFile, (source) => {
    const count = jobExports(source).length;
    return count === 1 ? [] : [`${source.path} exports ${count} jobs`];
  }),
  perFile("a job's docstring says why it is safe to run twice", isJobFile, (source) =>
    jobExports(source)
      .filter((node) => !docstringOf(source, node).includes('Safe to run twice'))
      .map((node) => `${source.path}:${source.lineAt(node.start)} does not say why it is safe to run twice`),
  ),
  codesUsed,
];
