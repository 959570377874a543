import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import pg from 'pg';
import { z } from 'zod';
import { codeOf, OutageError, PermanentError } from '../errors.ts';
import type { Job } from '../jobs/define-job.ts';
import { connectQueues, DEAD_LETTERS, QUEUE_NAMES, type QueueBackend } from './connection.ts';
import type { DeadLetters } from './dead-letter.ts';

interface BoardOptions {
  readonly backend: QueueBackend;
  readonly jobs: readonly Job[];
  /** Where the plugin is mounted, such as `/ops/queues`. */
  readonly basePath: string;
  /** What its retry button does. */
  readonly letters: Pick<DeadLetters, 'replayJob'>;
}

export interface Board {
  readonly plugin: ReturnType<FastifyAdapter['registerPlugin']>;
  close(deadlineMs: number): Promise<void>;
}

type ServerAdapter = Parameters<typeof createBullBoard>[0]['serverAdapter'];

/**
 * Bull Board over every queue and the dead letters, as a Fastify plugin; who may see it is decided where it is mounted.
 *
 * Payloads are never shown, only their envelope. Its retry button replays the dead letter by our own action, which goes
 * through the row and leaves an audit line; many at once are refused. So is whatever removes or rewrites a job: a webhook
 * that was accepted is nowhere but in the queue until its job has run. The queues that send money can only be looked at:
 * whoever replays there is to see first which effects there were, as `callclear dlq show` tells them.
 */
export async function createBoardPlugin({ backend, jobs, basePath, letters }: BoardOptions): Promise<Board> {
  const connection = connectQueues(backend, { role: 'producer' }, () => {});
  const adapters: BullMQAdapter[] = [];
  for (const name of [...QUEUE_NAMES, DEAD_LETTERS]) {
    const names = jobs.filter(({ queue }) => queue === name).map((job) => job.name);
    const adapter = new BullMQAdapter(await connection.queue(name), {
      readOnlyMode: SENDS_MONEY.includes(name),
      allowRetries: name !== DEAD_LETTERS,
      description: names.join(', '),
    });
    if (name !== DEAD_LETTERS) adapter.setFormatter('data', hidePayload);
    adapters.push(adapter);
  }
  const server = new FastifyAdapter();
  server.setBasePath(basePath);
  // The two packages of the board ship the same types twice, which TypeScript holds apart.
  createBullBoard({ queues: adapters, serverAdapter: server as unknown as ServerAdapter });
  // Its own handler answers what was thrown with the text of it, and nobody else would hear of it.
  server.setErrorHandler((error) => {
    throw asFault(error);
  });
  const pages = server.registerPlugin();
  const plugin: FastifyPluginCallback = (app, _options, ready) => {
    app.addHook('preHandler', (request, reply) => replayInstead(letters, request, reply));
    app.register(pages);
    ready();
  };
  return { plugin, close: (deadlineMs) => connection.close(deadlineMs) };
}

/** What the queue's store says, or that it says nothing, is no defect of the board's; whatever else goes wrong in it is. */
function asFault(error: Error): Error {
  if (codeOf(error, 'INTERNAL') !== 'INTERNAL' || !isOfStore(error)) return error;
  return new OutageError('QUEUE_UNAVAILABLE', 'The board cannot read the queue.', { cause: error });
}

/** Of sockets and names of hosts, and of Fastify when a page took too long. */
const AWAY_CODES: readonly unknown[] = [
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'FST_ERR_HANDLER_TIMEOUT'],
];
/** What ioredis calls an answer that refuses, and a command that it gave up. */
const REDIS_NAMES = ['ReplyError', 'AbortError', 'MaxRetriesPerRequestError'];
/** How that begins which ioredis, pg and its pool say of their connections by a text alone. */
const AWAY_TEXTS = [
  ...['Connection is closed', "Stream isn't writeable", 'Command timed out', 'connect ETIMEDOUT'],
  ...['Connection terminated', 'timeout exceeded when trying to connect', 'timeout expired'],
  ...['Client has encountered a connection error', 'Client was closed'],
];

const isOfStore = (error: Error): boolean =>
  error instanceof pg.DatabaseError ||
  ('code' in error && AWAY_CODES.includes(error.code)) ||
  REDIS_NAMES.includes(error.name) ||
  AWAY_TEXTS.some((text) => error.message.startsWith(text));

const SENDS_MONEY: readonly string[] = ['billing', 'payouts', 'stripe'];

/** What may be changed on the board besides the retry: nothing is lost by it. */
const HARMLESS = ['pause', 'resume', 'promote'];

const queueParams = z.object({ queueName: z.string().default('') });
const retryParams = z.object({ queueName: z.string(), jobId: z.string() });

/** BullMQ's own retry would run the job while its row stays dead, so that whatever it did would be recorded nowhere. */
async function replayInstead(
  letters: BoardOptions['letters'],
  { method, routeOptions, params }: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { url = '' } = routeOptions;
  const isRead = ['GET', 'HEAD'].includes(method);
  if (!isRead && SENDS_MONEY.includes(queueParams.parse(params).queueName)) {
    const error = 'Look at its effects first: `callclear dlq show`, then `callclear dlq replay`.';
    return reply.code(405).send({ error });
  }
  if (url.endsWith('/:queueName/retry/:queueStatus')) {
    return reply.code(405).send({ error: 'Retry one at a time: each leaves an audit line.' });
  }
  if (!url.endsWith('/:queueName/:jobId/retry')) {
    if (isRead || HARMLESS.some((last) => url.endsWith(`/${last}`))) return undefined;
    return reply.code(405).send({ error: 'Not here: discard a dead letter with the command line.' });
  }
  const { jobId } = retryParams.parse(params);
  try {
    await letters.replayJob({ jobId, by: 'ops (board)', reason: 'retried on the board' });
    return reply.code(204).send();
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return reply.code(409).send({ error: 'This job is no dead letter (yet): look again in a minute.' });
  }
}

function hidePayload(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return null;
  const { v, trace, dueAtMs, generation, key } = data as Record<string, unknown>;
  return { v, trace, dueAtMs, generation, key, payload: '(not shown)' };
}
