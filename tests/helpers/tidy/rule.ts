import type { Source, Tree } from './source.ts';

export interface Rule {
  readonly name: string;
  /** One line for each violation: where, and what. */
  check(tree: Tree): string[];
}

/** A rule that looks at one file at a time. */
export function perFile(
  name: string,
  applies: (path: string) => boolean,
  check: (source: Source) => string[],
): Rule {
  return {
    name,
    check: ({ sources }) => sources.filter(({ path }) => applies(path)).flatMap(check),
  };
}

export const isIn =
  (...folders: readonly string[]) =>
  (path: string): boolean =>
    folders.some((folder) => path.startsWith(`${folder}/`));
