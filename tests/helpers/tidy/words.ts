import { isIn, perFile, type Rule } from './rule.ts';
import { findNodes, type Node } from './source.ts';

/** Entry points and test helpers that may look at the environment; in src only the configuration does. */
const ENVIRONMENT_READERS = [
  'src/config.ts',
  'sandbox/stripe/run.ts',
  'tests/chaos/processes.ts',
  'tests/chaos/backends.ts',
  'tests/chaos/block-shim.mjs',
  'tests/chaos/clock-shim.mjs',
];
const mayReadEnvironment = (path: string): boolean =>
  ENVIRONMENT_READERS.includes(path) ||
  isIn('tests/helpers')(path) ||
  (isIn('sandbox', 'bench')(path) && path.split('/').length === 2);

const isName = (node: Node, name: string): boolean => node.type === 'Identifier' && node.name === name;

/** Name of `object.property`, also when it is written `object['property']`. */
function propertyOf(node: Node, object: string): string | null {
  if (node.type !== 'MemberExpression' || !isName(node.object, object)) return null;
  if (node.property.type === 'Identifier' && !node.computed) return node.property.name;
  return node.property.type === 'Literal' ? String(node.property.value) : null;
}

function readsEnvironment(node: Node): string | null {
  if (propertyOf(node, 'process') === 'env') return 'reads process.env';
  if (node.type === 'ImportSpecifier' && isName(node.imported, 'env')) return 'imports env';
  if (node.type !== 'VariableDeclarator' || node.init === null || !isName(node.init, 'process')) return null;
  return 'takes process apart';
}

function isRegularExpression(node: Node): string | null {
  if (node.type === 'Literal' && 'regex' in node) return 'has a regular expression';
  return isName(node, 'RegExp') ? 'names RegExp' : null;
}

function readsClock(node: Node): string | null {
  if (propertyOf(node, 'Date') === 'now') return 'reads Date.now';
  if (propertyOf(node, 'performance') === 'now') return 'reads performance.now';
  if (propertyOf(node, 'Math') === 'random') return 'reads Math.random';
  if (node.type === 'NewExpression' && isName(node.callee, 'Date') && node.arguments.length === 0)
    return 'reads new Date()';
  return node.type === 'CallExpression' && isName(node.callee, 'Date') ? 'reads Date()' : null;
}

export const wordRules: readonly Rule[] = [
  perFile(
    'process.env is read in src/config.ts only, and in the entry points of sandbox, bench and test helpers',
    (path) => isIn('src', 'sandbox', 'bench', 'tests')(path) && !mayReadEnvironment(path),
    (source) => findNodes(source, readsEnvironment),
  ),
  perFile('no regular expression under src/integrations', isIn('src/integrations'), (source) =>
    findNodes(source, isRegularExpression),
  ),
  perFile('no any in src', isIn('src'), (source) =>
    findNodes(source, ({ type }) => (type === 'TSAnyKeyword' ? 'says any' : null)),
  ),
  perFile('no clock and no chance under src/jobs: time comes from the job', isIn('src/jobs'), (source) =>
    findNodes(source, readsClock),
  ),
  perFile('no suppressed type error anywhere', isIn('src', 'sandbox', 'bench', 'tests'), (source) =>
    source.comments
      .filter(({ value }) =>
        ['@ts-ignore', '@ts-nocheck', '@ts-expect-error'].some((word) => value.trim().startsWith(word)),
      )
      .map(({ start }) => `${source.path}:${source.lineAt(start)} suppresses a type error`),
  ),
];
