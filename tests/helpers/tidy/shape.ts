import { isIn, perFile, type Rule } from './rule.ts';
import { findNodes, type Node } from './source.ts';

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 60;
const GENERATED = 'src/integrations/supabase/database.types.ts';
const VAGUE_FOLDERS = ['utils', 'common', 'helpers'];
/** The brief names it; a subscription has a state that a function cannot hold. */
const ALLOWED_CLASSES = ['RealtimeService'];
const OURS = isIn('src', 'sandbox', 'bench', 'tests', 'bin');

const isFunction = ({ type }: Node): boolean =>
  type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression';

const longFunctions: Rule = perFile(
  `no function over ${MAX_FUNCTION_LINES} lines in src, sandbox and bench`,
  (path) => isIn('src', 'sandbox', 'bench')(path) && path !== GENERATED,
  (source) =>
    findNodes(source, (node) => {
      const lines = source.lineAt(node.end - 1) - source.lineAt(node.start) + 1;
      return isFunction(node) && lines > MAX_FUNCTION_LINES ? `has a function of ${lines} lines` : null;
    }),
);

const classes: Rule = {
  name: 'no classes in src but errors',
  check({ sources }) {
    const errors = new Set(['Error']);
    const inSrc = sources.filter(({ path }) => isIn('src')(path));
    const eachClass = (pick: (name: string, parent: string | null) => string | null): string[] =>
      inSrc.flatMap((source) =>
        findNodes(source, (node) => {
          if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return null;
          const parent = node.superClass?.type === 'Identifier' ? node.superClass.name : null;
          return pick(node.id?.name ?? 'without a name', parent);
        }),
      );
    // A class may stand before its parent in this order of files, so the set grows until nothing is added.
    for (let before = -1; before < errors.size; ) {
      before = errors.size;
      eachClass((name, parent) => {
        if (parent !== null && errors.has(parent)) errors.add(name);
        return null;
      });
    }
    return eachClass((name) =>
      errors.has(name) || ALLOWED_CLASSES.includes(name) ? null : `has class ${name}`,
    );
  },
};

export const shapeRules: readonly Rule[] = [
  perFile(
    `no file over ${MAX_FILE_LINES} lines`,
    (path) => OURS(path) && path !== GENERATED,
    ({ path, lineCount }) => (lineCount > MAX_FILE_LINES ? [`${path} has ${lineCount} lines`] : []),
  ),
  longFunctions,
  perFile('no folder in src with a name that says nothing', isIn('src'), ({ path }) =>
    path
      .split('/')
      .slice(0, -1)
      .filter((folder) => VAGUE_FOLDERS.includes(folder))
      .map((folder) => `${path} stands in ${folder}`),
  ),
  perFile('no barrel index.ts', OURS, ({ path }) =>
    path.endsWith('/index.ts') ? [`${path} is a barrel`] : [],
  ),
  classes,
  perFile('no decorators', OURS, (source) =>
    findNodes(source, ({ type }) => (type === 'Decorator' ? 'has a decorator' : null)),
  ),
];
