import { type FastifyInstance, fastify } from 'fastify';
import { MAX_PATH_SECRET_LENGTH } from '../config-receivers.ts';
import { codeOf, OutageError } from '../errors.ts';
import { answerError, boundPage, createErrorHandler, refuseClient } from './answers.ts';
import { addOps, type OpsParts } from './ops.ts';
import { addReceivers, type ReceiverParts } from './receivers.ts';

/** What is there and moving. `progress`: a job has lately gone through the real queue. */
export interface Readiness {
  readonly database: boolean;
  readonly queue: boolean;
  readonly progress: boolean;
}

export interface AppParts extends ReceiverParts, OpsParts {
  readonly trustProxy: readonly string[];
  readonly readiness: () => Promise<Readiness>;
}

/** Slow senders are cut: 10 s for the headers, 15 s for all of a request, 16 KiB of headers. */
const LIMITS = {
  routerOptions: { maxParamLength: MAX_PATH_SECRET_LENGTH },
  requestTimeout: 15_000,
  http: { headersTimeout: 10_000, maxHeaderSize: 16_384, connectionsCheckingInterval: 1_000 },
};

/** The HTTP side: receivers, health, metrics and the board. Built and ready, not listening. */
export async function createApp(parts: AppParts): Promise<FastifyInstance> {
  const { log, trustProxy } = parts;
  const onError = createErrorHandler(log);
  const app: FastifyInstance = fastify({
    ...LIMITS,
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false,
    // A request that came in before the stop is served; the queue says 503 by itself when it is closed.
    return503OnClosing: false,
    clientErrorHandler: refuseClient,
    frameworkErrors: (error, request, reply) => {
      onError(error, request, reply);
    },
  });
  app.setErrorHandler(onError);
  app.setNotFoundHandler((_request, reply) => answerError(reply, 'ROUTE_UNKNOWN'));
  await app.register(async (scope) => addReceivers(scope, parts));
  await app.register(async (scope) => addOps(scope, parts));
  await app.register(async (scope) => addHealth(scope, parts));
  await app.ready();
  return app;
}

function addHealth(app: FastifyInstance, parts: AppParts): void {
  boundPage(app, 'health', parts);
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const found = await parts.readiness().catch((cause: unknown) => {
      throw new OutageError(codeOf(cause, 'INTERNAL'), 'Readiness could not be found out.', { cause });
    });
    const away = (['database', 'queue', 'progress'] as const).filter((part) => !found[part]);
    return reply.code(away.length === 0 ? 200 : 503).send({ ready: away.length === 0, away });
  });
}
