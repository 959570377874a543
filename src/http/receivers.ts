import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { PermanentError } from '../errors.ts';
import { readJsonObject } from '../integrations/call-tracking/json.ts';
import { CALL_EVENT_TYPES } from '../integrations/call-tracking/standard.ts';
import { verifyStripeWebhook } from '../integrations/stripe/events.ts';
import { callRailEventId, verifyCallRailWebhook } from '../integrations/webhooks/callrail.ts';
import { verifyStandardWebhook } from '../integrations/webhooks/standard.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock } from '../services.ts';

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

/** What senders sign with; a source without secrets is unknown here. */
export interface ReceiverSecrets {
  readonly stripeWebhookSecrets: readonly string[];
  readonly callRailSigningKeys: readonly string[];
  readonly callWebhookSecrets: Readonly<Record<string, readonly string[]>>;
}

export interface ReceiverParts {
  readonly secrets: ReceiverSecrets;
  readonly enqueue: EnqueuePort;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** 1 MiB: a hundred times the largest report that providers are known to send. */
const BODY_LIMIT_BYTES = 1_048_576;

/** Kinds of CallRail webhook, and whether their body is a finished call. */
const CALLRAIL_KINDS: Readonly<Record<string, boolean>> = {
  post_call: true,
  call_modified: true,
  pre_call: false,
  call_routing_complete: false,
};

const ACCEPTED = { accepted: true };
const unknownRoute = () => new PermanentError('ROUTE_UNKNOWN', 'No such webhook is received here.');

/**
 * The receivers: verify the raw bytes, hand over to the queue, answer 202. Nothing else happens in the request, and 202
 * is never sent before the queue has stored the event: whatever else is answered, the sender comes again.
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
  app.addHook('onResponse', async (request, reply) => countAnswer(parts, request, reply));
  const accept = (path: string, receive: (request: FastifyRequest) => Promise<void>) =>
    app.post(path, async (request, reply) => {
      await receive(request);
      return reply.code(202).send(ACCEPTED);
    });
  accept('/webhooks/callrail/:kind', (request) => receiveCallRail(parts, request));
  accept('/webhooks/calls/:source', (request) => receiveStandard(parts, request));
  accept('/webhooks/stripe', (request) => receiveStripe(parts, request));
}

async function receiveCallRail(
  { secrets, enqueue, clock }: ReceiverParts,
  request: FastifyRequest,
): Promise<void> {
  const kind = paramOf(request, 'kind');
  if (!Object.hasOwn(CALLRAIL_KINDS, kind) || secrets.callRailSigningKeys.length === 0) throw unknownRoute();
  const body = bodyOf(request);
  verifyCallRailWebhook(body, headerOf(request, 'signature'), secrets.callRailSigningKeys);
  if (!CALLRAIL_KINDS[kind]) return;
  const eventId = callRailEventId(kind, body, readJsonObject(body));
  const event = { source: 'callrail', kind, eventId, receivedAtMs: clock.nowMs() };
  await enqueue.enqueueCallEvent({ ...event, body: body.toString('base64') });
}

async function receiveStandard(parts: ReceiverParts, request: FastifyRequest): Promise<void> {
  const { secrets, enqueue, clock, log } = parts;
  const source = paramOf(request, 'source');
  const sourceSecrets = Object.hasOwn(secrets.callWebhookSecrets, source)
    ? secrets.callWebhookSecrets[source]
    : null;
  if (sourceSecrets == null) throw unknownRoute();
  const body = bodyOf(request);
  const headers = {
    id: headerOf(request, 'webhook-id'),
    timestamp: headerOf(request, 'webhook-timestamp'),
    signature: headerOf(request, 'webhook-signature'),
  };
  const receivedAtMs = clock.nowMs();
  const { eventId } = verifyStandardWebhook(body, headers, sourceSecrets, receivedAtMs);
  const { type } = readJsonObject(body);
  if (typeof type !== 'string') throw new PermanentError('BODY_MALFORMED', 'The event has no type.');
  const kind = CALL_EVENT_TYPES.find((known) => known === type);
  if (kind === undefined) {
    // Refusing it would make the sender try for a day and then switch the whole endpoint off.
    log.info(
      { source, type: type.slice(0, 64) },
      'an event of a type that is not used was accepted and dropped',
    );
    return;
  }
  await enqueue.enqueueCallEvent({ source, kind, eventId, receivedAtMs, body: body.toString('base64') });
}

async function receiveStripe(
  { secrets, enqueue, clock }: ReceiverParts,
  request: FastifyRequest,
): Promise<void> {
  if (secrets.stripeWebhookSecrets.length === 0) throw unknownRoute();
  const receivedAtMs = clock.nowMs();
  const header = headerOf(request, 'stripe-signature') ?? '';
  const event = verifyStripeWebhook(bodyOf(request), header, secrets.stripeWebhookSecrets, receivedAtMs);
  await enqueue.enqueueStripeEvent({ ...event, receivedAtMs });
}

function countAnswer(
  { metrics, secrets, log }: ReceiverParts,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const named = paramOf(request, 'source');
  const route = request.routeOptions.url ?? '';
  const known = Object.hasOwn(secrets.callWebhookSecrets, named) ? named : 'unknown';
  const source = route.endsWith('/:source') ? known : route.endsWith('/:kind') ? 'callrail' : 'stripe';
  metrics.webhookAnswered(source, reply.statusCode);
  if (reply.statusCode >= 400)
    log.warn({ source, statusCode: reply.statusCode }, 'a webhook was not accepted');
}

function paramOf({ params }: FastifyRequest, name: string): string {
  const value = typeof params === 'object' && params !== null ? Reflect.get(params, name) : '';
  return typeof value === 'string' ? value : '';
}

function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}
