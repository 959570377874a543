import { isIn, perFile, type Rule } from './rule.ts';
import { findNodes, type Node } from './source.ts';

const LONGEST_PAUSE_MS = 100;
const SLEEPS = ['setTimeout', 'sleep', 'delay', 'pause', 'wait'];
const LOOPS = ['WhileStatement', 'DoWhileStatement', 'ForStatement', 'ForOfStatement'];
const isTestFile = (path: string): boolean => isIn('tests')(path) && path.endsWith('.test.ts');

/** `test` of `test('…')`, `test.skipIf(x)('…')`, `test.each(rows)('…')`; else null. */
function calleeName(node: Node): string | null {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'MemberExpression') return calleeName(node.object);
  if (node.type === 'CallExpression') return calleeName(node.callee);
  return null;
}

function lastName(node: Node): string | null {
  if (node.type === 'MemberExpression' && node.property.type === 'Identifier') return node.property.name;
  return node.type === 'Identifier' ? node.name : null;
}

/** The first argument of `test('…')` or `describe('…')` when it is a plain text. */
function titleOf(node: Node, names: readonly string[]): string | null {
  if (node.type !== 'CallExpression' || !names.includes(calleeName(node.callee) ?? '')) return null;
  const [first] = node.arguments;
  return first?.type === 'Literal' && typeof first.value === 'string' ? first.value : null;
}

function isLongSleep(node: Node): boolean {
  if (node.type !== 'CallExpression' || !SLEEPS.includes(lastName(node.callee) ?? '')) return false;
  return node.arguments.some(
    (argument) =>
      argument.type === 'Literal' && typeof argument.value === 'number' && argument.value >= LONGEST_PAUSE_MS,
  );
}

/** A sleep counts when something awaits it; a timer that only ends a wait is a deadline, not a sleep. */
function fixedSleep(node: Node, ancestors: readonly Node[], mayPoll: boolean): string | null {
  if (!isLongSleep(node) || !ancestors.some(({ type }) => type === 'AwaitExpression')) return null;
  if (mayPoll && ancestors.some(({ type }) => LOOPS.includes(type))) return null;
  return 'sleeps for a fixed time';
}

export const testRules: readonly Rule[] = [
  perFile('a name of a test stands once in its file', isTestFile, (source) => {
    const seen = new Set<string>();
    return findNodes(source, (node, ancestors) => {
      const title = titleOf(node, ['test', 'it']);
      if (title === null) return null;
      const full = [...ancestors.map((one) => titleOf(one, ['describe'])), title]
        .filter((part) => part !== null)
        .join(' > ');
      if (seen.has(full)) return `names a second test "${title}"`;
      seen.add(full);
      return null;
    });
  }),
  perFile('no fixed sleep in tests; helpers may poll in a loop', isIn('tests'), (source) =>
    findNodes(source, (node, ancestors) => fixedSleep(node, ancestors, isIn('tests/helpers')(source.path))),
  ),
  perFile('no module mocks', isIn('tests'), (source) =>
    findNodes(source, (node) => {
      if (node.type !== 'CallExpression' || calleeName(node.callee) !== 'vi') return null;
      const name = lastName(node.callee);
      return name === 'mock' || name === 'doMock' ? 'mocks a module' : null;
    }),
  ),
];
