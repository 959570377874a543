import fc from 'fast-check';
import { PermanentError } from '../../src/errors.ts';
import { createApp } from '../../src/http/app.ts';
import type { Receiver } from '../../src/http/receivers/receiver.ts';
import { receivers as allReceivers } from '../../src/http/receivers/registry.ts';
import type { CallEvent } from '../../src/http/receivers.ts';
import { parseCallReport } from '../../src/integrations/call-tracking/parse.ts';
import { createLogger } from '../../src/log.ts';
import { createTestParts } from '../helpers/app.ts';
import { SECRETS } from '../helpers/senders.ts';
import { type Made, makeDeliveries } from './deliveries.ts';
import { type Acceptance, createJudge } from './judge.ts';
import { mutation, type Sent } from './mutations.ts';

export interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
  /** Told of each request that ended as none may. */
  readonly onFinding?: (kind: string, request: string) => void;
  readonly receivers?: readonly Receiver[];
  /** Another judge, in tests. */
  readonly judge?: typeof createJudge;
}

export interface FuzzResult {
  readonly tried: number;
  readonly accepted: number;
  /** Throws that the HTTP handler let out, and reports that the job could not even refuse. */
  readonly crashes: number;
  readonly serverErrors: number;
  readonly forgedAccepted: number;
  /** What ended the fuzz itself before it had tried all: a fault of a mutation or of the judge. */
  readonly brokenOff: string | null;
}

/**
 * Sends mutated requests through the real HTTP handler, without a network, and judges what is accepted by what was
 * signed. Not all that is accepted is wrong: a change of what no signature covers leaves a delivery what it was.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { count, seed, onFinding = () => {}, receivers = allReceivers, judge = createJudge } = options;
  const made = makeDeliveries();
  const isGenuine = judge(made);
  const found = { accepted: 0, crashes: 0, serverErrors: 0, forgedAccepted: 0 };
  const target = await openTarget(receivers);
  const told = (kind: 'crashes' | 'serverErrors' | 'forgedAccepted', request: string) => {
    found[kind] += 1;
    onFinding(kind, request);
  };
  const onStray = (error: unknown) => told('crashes', String(error));
  process.on('uncaughtException', onStray).on('unhandledRejection', onStray);
  const property = fc.asyncProperty(requestOf(made), async ([first, second, mutations]) => {
    const other = toSent(second);
    const sent = mutations.reduce((changed, { apply }) => apply(changed, other), toSent(first));
    const text = () => [first.sender, second.sender, ...mutations.map(({ name }) => name)].join(' | ');
    const { statusCode, acceptances, crashed } = await target.send(sent);
    if (crashed) told('crashes', text());
    if (statusCode >= 500) told('serverErrors', text());
    if (statusCode < 200 || statusCode >= 300) return;
    found.accepted += 1;
    if (acceptances.length === 0 || !acceptances.every(isGenuine)) told('forgedAccepted', text());
  });
  let ended: { numRuns: number; failed: boolean; errorInstance: unknown };
  try {
    ended = await fc.check(property, { numRuns: count, seed, endOnFailure: true });
  } finally {
    process.off('uncaughtException', onStray).off('unhandledRejection', onStray);
    await target.close();
  }
  const { numRuns: tried, failed, errorInstance } = ended;
  return { tried, ...found, brokenOff: failed ? String(errorInstance) : null };
}

/** Each sender as often, and half of the time two deliveries of one. */
function requestOf(made: readonly Made[]) {
  const bySender = Object.values(Object.groupBy(made, ({ sender }) => sender)).map((group = []) =>
    fc.constantFrom(...group),
  );
  const anyone = fc.oneof(...bySender);
  const pair = fc.oneof(fc.oneof(...bySender.map((one) => fc.tuple(one, one))), fc.tuple(anyone, anyone));
  const changes = fc.array(mutation, { minLength: 1, maxLength: 3 });
  return fc.tuple(pair, changes).map(([[first, second], mutations]) => [first, second, mutations] as const);
}

/** The app with every receiver watched for what it takes in. */
async function openTarget(receivers: readonly Receiver[]) {
  const acceptances: Acceptance[] = [];
  const calls: CallEvent[] = [];
  const watched = receivers.map(
    (receiver): Receiver => ({
      ...receiver,
      take(delivery, secrets, nowMs) {
        const taken = receiver.take(delivery, secrets, nowMs);
        acceptances.push({ receiver: receiver.name, delivery });
        return taken;
      },
    }),
  );
  const { parts } = createTestParts({
    receivers: watched,
    log: createLogger({ level: 'silent' }),
    enqueue: {
      enqueueCallEvent: async (event) => void calls.push(event),
      enqueueStripeEvent: async () => {},
    },
  });
  const app = await createApp(parts);
  return {
    async send(sent: Sent) {
      acceptances.length = 0;
      calls.length = 0;
      try {
        const { statusCode } = await app.inject({
          method: sent.method as 'POST',
          url: sent.url,
          headers: joinHeaders(sent.headers),
          payload: sent.body,
        });
        return { statusCode, acceptances, crashed: !calls.every(isReadOrRefused) };
      } catch {
        return { statusCode: 0, acceptances, crashed: true };
      }
    },
    close: () => app.close(),
  };
}

/** What is taken in is read by a job, which may refuse it and no more. */
function isReadOrRefused({ source, kind, body, receivedAtMs }: CallEvent): boolean {
  try {
    parseCallReport({ source, kind, body: Buffer.from(body, 'base64'), receivedAtMs }, SECRETS.hmacReceivers);
    return true;
  } catch (error) {
    return error instanceof PermanentError;
  }
}

function toSent({ url, headers, body }: Made): Sent {
  const all = { 'content-type': 'application/json', ...headers };
  return { method: 'POST', url, headers: Object.entries(all), body };
}

/** As Node joins lines of one name; of a content-type the first counts. */
function joinHeaders(lines: Sent['headers']): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of lines) {
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (name !== 'content-type') headers[name] = `${before}, ${value}`;
  }
  return headers;
}
