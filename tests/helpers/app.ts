import type { FastifyInstance } from 'fastify';
import { type AppParts, createApp } from '../../src/http/app.ts';
import type { CallEvent, StripeEventNotice } from '../../src/http/receivers.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { type Delivery, NOW_MS, SECRETS } from './senders.ts';

export const OPS_PASSWORD = 'the password of the tests';

/** Parts of an app over a queue in memory, and what reaches it; `change` replaces parts. */
export function createTestParts(change: Partial<AppParts> = {}) {
  const calls: CallEvent[] = [];
  const stripeEvents: StripeEventNotice[] = [];
  const logLines: string[] = [];
  const parts: AppParts = {
    secrets: SECRETS,
    opsPasswords: ['an older password of the tests', OPS_PASSWORD],
    trustProxy: [],
    board: null,
    clock: { nowMs: () => NOW_MS },
    metrics: createMetrics(),
    log: createLogger({ level: 'trace', destination: { write: (line) => void logLines.push(line) } }),
    readiness: async () => ({ database: true, queue: true, progress: true }),
    enqueue: {
      enqueueCallEvent: async (event) => void calls.push(event),
      enqueueStripeEvent: async (event) => void stripeEvents.push(event),
    },
    ...change,
  };
  return { parts, calls, stripeEvents, logLines };
}

/** The app over those parts, not listening. */
export async function createTestApp(change: Partial<AppParts> = {}) {
  const { parts, ...seen } = createTestParts(change);
  return { app: await createApp(parts), ...seen };
}

export async function post(app: FastifyInstance, { url, body, headers }: Delivery) {
  return app.inject({
    method: 'POST',
    url,
    payload: body,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
