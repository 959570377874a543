import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { ApiError, OutageError, PermanentError, TransientError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock } from '../services.ts';
import type { Delivery, Receiver, ReceiverSecrets } from './receivers/receiver.ts';
import { receivers as allReceivers } from './receivers/registry.ts';

/** A verified delivery of a call-tracking provider; the raw body is base64, since not every queue stores every text. */
export interface CallEvent {
  readonly source: string;
  readonly kind: string;
  readonly eventId: string;
  readonly receivedAtMs: number;
  readonly body: string;
}

/** A verified delivery of Stripe: which object changed, not what it has become. */
export interface StripeEventNotice {
  readonly eventId: string;
  readonly type: string;
  /** Null for an event about no object of its own. */
  readonly objectId: string | null;
  readonly account: string | null;
  readonly createdMs: number;
  readonly livemode: boolean;
  readonly receivedAtMs: number;
}

/** Resolves when the queue has stored the event. Throws OutageError QUEUE_UNAVAILABLE. */
export interface EnqueuePort {
  enqueueCallEvent(event: CallEvent): Promise<void>;
  enqueueStripeEvent(event: StripeEventNotice): Promise<void>;
}

export interface ReceiverParts {
  readonly secrets: ReceiverSecrets;
  readonly enqueue: EnqueuePort;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Others than those of the registry, in tests. */
  readonly receivers?: readonly Receiver[];
}

/** 1 MiB: a hundred times the largest report that providers are known to send. */
const BODY_LIMIT_BYTES = 1_048_576;

const ACCEPTED = { statusCode: 202, contentType: 'application/json', body: '{"accepted":true}' };

/**
 * The receivers: verify the raw bytes, hand over to the queue, answer. Nothing else happens in the request, and 2xx is
 * never sent before the queue has stored the event: whatever else is answered, the sender comes again.
 */
export function addReceivers(app: FastifyInstance, parts: ReceiverParts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (_request, body, done) => {
      done(null, body);
    },
  );
  for (const receiver of parts.receivers ?? allReceivers)
    app.post(
      receiver.path,
      { onResponse: async (request, reply) => countAnswer(receiver, parts, request, reply) },
      async (request, reply) => {
        await receive(receiver, parts, request);
        const { statusCode, contentType, body } = receiver.answer ?? ACCEPTED;
        return reply.code(statusCode).type(contentType).send(body);
      },
    );
}

/** What is thrown here, whatever it is, ends this one request and is told as our own fault. */
async function receive(receiver: Receiver, parts: ReceiverParts, request: FastifyRequest): Promise<void> {
  try {
    await takeIn(receiver, parts, request);
  } catch (error) {
    const isOurs = [PermanentError, TransientError, OutageError, ApiError].some(
      (kind) => error instanceof kind,
    );
    if (isOurs) throw error;
    throw new TransientError('INTERNAL', `The receiver ${receiver.name} failed.`, { cause: error });
  }
}

async function takeIn(
  receiver: Receiver,
  { secrets, enqueue, clock, metrics, log }: ReceiverParts,
  request: FastifyRequest,
): Promise<void> {
  const receivedAtMs = clock.nowMs();
  const delivery = deliveryOf(request);
  const taken = receiver.take(delivery, secrets, receivedAtMs);
  if (taken.leftOut !== undefined) metrics.fieldsLeftOut(receiver.name);
  if ('stripe' in taken) return enqueue.enqueueStripeEvent({ ...taken.stripe, receivedAtMs });
  if ('call' in taken) {
    const { body = delivery.body, ...event } = taken.call;
    return enqueue.enqueueCallEvent({ ...event, receivedAtMs, body: body.toString('base64') });
  }
  const facts = { receiver: receiver.name, ignored: taken.ignored.slice(0, 64) };
  log.info(facts, 'a verified webhook that reports no finished call was accepted and dropped');
}

function countAnswer(
  receiver: Receiver,
  { metrics, secrets, log }: ReceiverParts,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const named = receiver.sources === undefined ? receiver.name : paramOf(request, 'source');
  // A name that nobody configured would be a new series for each guess.
  const source = (receiver.sources?.(secrets).includes(named) ?? true) ? named : 'unknown';
  metrics.webhookAnswered(source, reply.statusCode);
  if (reply.statusCode >= 400)
    log.warn({ source, statusCode: reply.statusCode }, 'a webhook was not accepted');
}

function deliveryOf(request: FastifyRequest): Delivery {
  const { body, headers, raw } = request;
  return {
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
    target: raw.url ?? '',
    param: (name) => paramOf(request, name),
    header(name) {
      const value = headers[name];
      return typeof value === 'string' ? value : undefined;
    },
  };
}

function paramOf({ params }: FastifyRequest, name: string): string {
  const value = typeof params === 'object' && params !== null ? Reflect.get(params, name) : '';
  return typeof value === 'string' ? value : '';
}
