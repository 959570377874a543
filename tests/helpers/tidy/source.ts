import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { type Comment, type Node, parseSync, visitorKeys } from 'oxc-parser';

export type { Comment, Node };

export interface Import {
  /** As it is written: `./x.ts`, `node:fs`, `@sentry/node`. */
  readonly specifier: string;
  /** Path from the repository's root when it is one of our files, else null. */
  readonly file: string | null;
  /** Name of the npm package, else null (also null for `node:` modules). */
  readonly vendor: string | null;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
  readonly line: number;
}

export interface Source {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lineCount: number;
  /** Null for a file that is not TypeScript or JavaScript. */
  readonly program: Node | null;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
  lineAt(offset: number): number;
}

/** What a rule sees: every file, and the facts of package.json that rules need. */
export interface Tree {
  readonly sources: readonly Source[];
  readonly dependencies: ReadonlySet<string>;
}

const CODE = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];
const OTHER = ['.css', '.html', '.sql'];
const FOLDERS = ['bin', 'src', 'sandbox', 'bench', 'tests', 'supabase'];

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Visits `node` and all below it, each with its ancestors (nearest last). */
export function walk(
  node: Node,
  visit: (node: Node, ancestors: readonly Node[]) => void,
  ancestors: readonly Node[] = [],
): void {
  visit(node, ancestors);
  const below = [...ancestors, node];
  for (const key of visitorKeys[node.type] ?? []) {
    const child: unknown = Reflect.get(node, key);
    for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) walk(one, visit, below);
  }
}

/** The nodes of `source` that `pick` accepts, each told as `path:line text`. */
export function findNodes(
  source: Source,
  pick: (node: Node, ancestors: readonly Node[]) => string | null,
): string[] {
  const found: string[] = [];
  if (source.program === null) return found;
  walk(source.program, (node, ancestors) => {
    const told = pick(node, ancestors);
    if (told !== null) found.push(`${source.path}:${source.lineAt(node.start)} ${told}`);
  });
  return found;
}

function vendorOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function literalText(node: Node | null): string | null {
  return node?.type === 'Literal' && typeof node.value === 'string' ? node.value : null;
}

/** Specifier and kind of what a node imports, or null when it imports nothing. */
function importOf(node: Node): { specifier: string | null; typeOnly: boolean; dynamic: boolean } | null {
  switch (node.type) {
    case 'ImportDeclaration': {
      const inline = node.specifiers.length > 0 && node.specifiers.every(isInlineType);
      return { specifier: node.source.value, typeOnly: node.importKind === 'type' || inline, dynamic: false };
    }
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      if (node.source === null) return null;
      return { specifier: node.source.value, typeOnly: node.exportKind === 'type', dynamic: false };
    case 'ImportExpression':
      return { specifier: literalText(node.source), typeOnly: false, dynamic: true };
    case 'TSImportType':
      return { specifier: node.source.value, typeOnly: true, dynamic: false };
    default:
      return null;
  }
}

function isInlineType(specifier: Node): boolean {
  return specifier.type === 'ImportSpecifier' && specifier.importKind === 'type';
}

function importsOf(path: string, program: Node, lineAt: (offset: number) => number): Import[] {
  const imports: Import[] = [];
  walk(program, (node) => {
    const found = importOf(node);
    if (found === null || found.specifier === null) return;
    const { specifier } = found;
    const file = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : null;
    imports.push({
      specifier,
      file,
      vendor: vendorOf(specifier),
      typeOnly: found.typeOnly,
      dynamic: found.dynamic,
      line: lineAt(node.start),
    });
  });
  return imports;
}

/** One file as the rules see it; throws when it does not parse, so that a rule is never silently blind. */
export function parseSource(path: string, text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  const lineAt = (offset: number): number => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const lineCount = text.endsWith('\n') ? lineStarts.length - 1 : lineStarts.length;
  if (!CODE.some((ending) => path.endsWith(ending))) {
    return { path, text, lineCount, program: null, comments: [], imports: [], lineAt };
  }
  const { program, comments, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);
  return { path, text, lineCount, program, comments, imports: importsOf(path, program, lineAt), lineAt };
}

/** Everything of ours that stands in the repository at `root`; a folder that is not there yet is empty. */
export function readTree(root: string): Tree {
  const paths = FOLDERS.filter((folder) => existsSync(`${root}/${folder}`)).flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && [...CODE, ...OTHER].some((ending) => entry.name.endsWith(ending)))
      .map((entry) => posix.relative(root, posix.join(entry.parentPath, entry.name))),
  );
  const packageJson: unknown = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
  const dependencies = Object.keys(Object(Reflect.get(Object(packageJson), 'dependencies')));
  return {
    sources: paths.sort().map((path) => parseSource(path, readFileSync(`${root}/${path}`, 'utf8'))),
    dependencies: new Set(dependencies),
  };
}
