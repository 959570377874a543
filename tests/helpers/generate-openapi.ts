import { readFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import type { OpenAPI3 } from 'openapi-typescript';
import { PROJECT } from './migrations.ts';

export interface Wanted {
  /** Name of a document in Twilio's package. */
  readonly document: string;
  /** Each path that is asked, by GET. */
  readonly paths: readonly string[];
  /** What an answer has in it where the document leaves its shape open, and states it elsewhere. */
  readonly schemas: readonly string[];
  /** Beside the adapter that asks. */
  readonly file: string;
}

const CALLS = '/2010-04-01/Accounts/{AccountSid}/Calls';

export const OPENAPI_TYPES: readonly Wanted[] = [
  {
    document: 'twilio_lookups_v2.json',
    paths: ['/v2/PhoneNumbers/{PhoneNumber}'],
    schemas: ['LineTypeIntelligence'],
    file: join(PROJECT, 'src', 'integrations', 'fraud', 'twilio-lookup.openapi.ts'),
  },
  {
    document: 'twilio_api_v2010.json',
    paths: [`${CALLS}.json`, `${CALLS}/{Sid}.json`],
    schemas: [],
    file: join(PROJECT, 'src', 'integrations', 'call-tracking', 'twilio-log.openapi.ts'),
  },
];

/** The types of what we ask and read, without the rest of a document: all of both would be 11,000 lines. */
export async function renderOpenApiTypes(wanted: Wanted): Promise<string> {
  const { default: openapiTS, astToString } = await loadGenerator();
  const types = await openapiTS(cut(await readDocument(wanted.document), wanted), {
    // An object that the document does not describe may hold anything, not nothing.
    emptyObjectsUnknown: true,
    silent: true,
  });
  const header = `// Made by "npm run generate" from ${wanted.document} of @twilio-alpha/mcp. Do not edit.\n\n`;
  return header + astToString(types, { formatOptions: { removeComments: true } });
}

/**
 * It is written against TypeScript 5, whose compiler is a library; the project's own is none. Both bring a `tsc`, so that
 * `npm run check` names its own by its path. npm cannot give one package
 * another peer than the others, so that the name is resolved here.
 */
async function loadGenerator() {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier === 'typescript' ? 'typescript5' : specifier, context),
  });
  try {
    return await import('openapi-typescript');
  } finally {
    hooks.deregister();
  }
}

async function readDocument(name: string): Promise<OpenAPI3> {
  const path = join(PROJECT, 'node_modules', '@twilio-alpha', 'mcp', 'twilio-oai', 'spec', 'json', name);
  return JSON.parse(await readFile(path, 'utf8'));
}

/** The document with the wanted paths, and the schemas that they reach. */
function cut(document: OpenAPI3, { document: name, paths, schemas }: Wanted): OpenAPI3 {
  const all = document.components?.schemas ?? {};
  const asked = paths.map((path) => {
    const item = document.paths?.[path];
    if (item === undefined || !('get' in item)) throw new Error(`${name} has no GET ${path}.`);
    return [path, { get: item.get }] as const;
  });
  const reached = new Set(schemas);
  const reach = (node: unknown) => {
    for (const schema of referencesIn(node)) reached.add(schema);
  };
  reach(asked);
  // A set tells also what is added to it while it is walked.
  for (const schema of reached) {
    if (all[schema] === undefined) throw new Error(`${name} has no schema ${schema}.`);
    reach(all[schema]);
  }
  const kept = Object.entries(all).filter(([schema]) => reached.has(schema));
  return {
    ...document,
    paths: Object.fromEntries(asked),
    components: { ...document.components, schemas: Object.fromEntries(kept) },
  };
}

function referencesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string'
      ? [value.slice('#/components/schemas/'.length)]
      : referencesIn(value),
  );
}
