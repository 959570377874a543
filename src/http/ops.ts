import { createHash, timingSafeEqual } from 'node:crypto';
import basicAuth from '@fastify/basic-auth';
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
} from 'fastify';
import type { Logger } from 'pino';
import { readSecrets } from '../config-files.ts';
import type { Metrics } from '../metrics.ts';
import { answerError, boundPage } from './answers.ts';

export interface OpsParts {
  /** Any of them opens, for the user `ops`; with none, nobody gets in. */
  readonly opsPasswords: readonly string[];
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Bull Board, made for BOARD_PATH. */
  readonly board: FastifyPluginAsync | FastifyPluginCallback | null;
}

export const BOARD_PATH = '/ops/queues';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** No inline script, nothing from elsewhere, no frame around it; `data:` images are the icons in the board's CSS. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Adds /metrics and everything under /ops, all of it behind the ops password, also what does not exist. */
export async function addOps(app: FastifyInstance, parts: OpsParts): Promise<void> {
  const { opsPasswords, metrics, board } = parts;
  boundPage(app, 'ops', parts);
  await app.register(basicAuth, {
    authenticate: { realm: 'callclear' },
    validate: (user, password, _request, _reply, done) => {
      done(isOps(user, password, passwordsNow(opsPasswords)) ? undefined : new Error('refused'));
    },
  });
  // The answer is sent from here: thrown, it would reach the board's own error handler, which tells stack traces.
  app.addHook('onRequest', (request, reply, done) => {
    app.basicAuth.call(app, request, reply, (error) => {
      if (error !== undefined) answerError(reply, 'UNAUTHORIZED');
      else if (!SAFE_METHODS.has(request.method) && !isSameOrigin(request))
        answerError(reply, 'ORIGIN_REFUSED');
      else done();
    });
  });
  // At the end, because the board's static files set headers of their own.
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });

  await app.register(async (scope) => {
    boundPage(scope, 'metrics', parts);
    scope.get('/metrics', async (_request, reply) => {
      const { contentType, text } = await metrics.render();
      return reply.header('content-type', contentType).send(text);
    });
  });
  const unknown = async (_request: FastifyRequest, reply: FastifyReply) =>
    answerError(reply, 'ROUTE_UNKNOWN');
  app.all('/ops', unknown);
  app.all('/ops/*', unknown);
  if (board !== null)
    await app.register(async (scope) => {
      boundPage(scope, 'board', parts);
      await scope.register(board, { prefix: BOARD_PATH });
    });
}

/** While their file cannot be read, nobody gets in. */
function passwordsNow(passwords: readonly string[]): readonly string[] {
  try {
    return readSecrets(passwords);
  } catch {
    return [];
  }
}

/** Digests have one length, so neither the length of a password nor which of them fits shows in the time taken. */
function isOps(user: string, password: string, passwords: readonly string[]): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const given = digest(password);
  let matches = 0;
  for (const known of passwords) if (timingSafeEqual(given, digest(known))) matches += 1;
  return timingSafeEqual(digest(user), digest('ops')) && matches > 0;
}

/**
 * Whether a browser sent this from one of our own pages. A browser adds the password to requests of foreign pages too,
 * so a change needs this proof, and a request with neither header has none.
 */
function isSameOrigin({ headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  if (site === undefined && origin === undefined) return false;
  const siteIsOurs = site === undefined || site === 'same-origin';
  const originIsOurs = origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
  return siteIsOurs && originIsOurs;
}
