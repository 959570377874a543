import { createHmac } from 'node:crypto';
import { Away, handleApiError, isTrouble, Refused, unsent } from '../api-errors.ts';
import { type CircuitOptions, createCircuit, isCircuitOpen } from '../circuit.ts';
import { waitOf } from '../http-answers.ts';
import type { BusinessEvent } from './business-event.ts';

export interface WebhookOutOptions {
  /** `webhook-<name>`: in errors, logs and metrics in place of its address, which may hold a secret. */
  readonly name: string;
  readonly url: string;
  /** `whsec_…`, newest first. It is signed with each, so that a receiver may change over when it likes. */
  readonly secrets: readonly string[];
  readonly circuit?: CircuitOptions;
  /** Of one delivery. Default 15,000. */
  readonly timeoutMs?: number;
  readonly onFailure: (failure: { operation: string; code: string }) => void;
}

export interface WebhookOut {
  /**
   * Sends one event, once. `gone`: the receiver wants no more of them. Throws ApiError when it was not taken, OutageError while
   * the receiver asks to wait or its circuit is open, or the signal's reason.
   */
  deliver(event: BusinessEvent, signal: AbortSignal): Promise<'delivered' | 'gone'>;
}

/** One endpoint of somebody who subscribed, by Standard Webhooks 1.0.0. */
export function createWebhookOut(options: WebhookOutOptions): WebhookOut {
  const { name, url, secrets, onFailure, timeoutMs = 15_000 } = options;
  const circuit = createCircuit(options.circuit ?? { onChange: () => undefined }, isTrouble);

  async function send(event: BusinessEvent, signal: AbortSignal): Promise<'delivered' | 'gone'> {
    const body = JSON.stringify({
      type: event.kind,
      timestamp: new Date(event.atMs).toISOString(),
      data: event.data,
    });
    const answer = await fetch(url, {
      ...{ method: 'POST', body, redirect: 'manual' },
      headers: {
        'content-type': 'application/json',
        'user-agent': 'callclear',
        ...signed(event.id, body, secrets),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    // What it answers besides is not read: a receiver must not be able to fill our memory.
    await answer.body?.cancel();
    if (answer.status === 410) return 'gone';
    if (answer.ok) return 'delivered';
    const waitMs = waitOf(answer.headers);
    throw new Refused({ statusCode: answer.status, code: null, waitMs, ofEverybody: false });
  }

  return {
    async deliver(event, signal) {
      try {
        return await circuit.run(() => send(event, signal));
      } catch (error) {
        if (isCircuitOpen(error)) throw unsent(name, 'deliver', 'circuit_open');
        signal.throwIfAborted();
        const failure = handleApiError(name, 'deliver', error, { secrets: [url, ...secrets] });
        onFailure({ operation: 'deliver', code: failure.code });
        const waits = error instanceof Refused && error.statusCode === 429;
        throw waits ? new Away(failure, error.waitMs).outage() : failure;
      }
    },
  };
}

/** The server does not know OPTIONS at all, which says nothing of the address. */
const NOT_IMPLEMENTED = 501;
const NOT_THERE = [404, 410];

/**
 * Whether somebody answers at an address: OPTIONS, without an event and without a signature, and its status. A redirect is told and not
 * followed, as with an event. Throws ApiError of one that is not there, is away, redirects or cannot be reached.
 */
export async function checkEndpoint(name: string, url: string, signal: AbortSignal): Promise<number> {
  try {
    const answer = await fetch(url, {
      ...{ method: 'OPTIONS', redirect: 'manual', signal },
      headers: { 'user-agent': 'callclear' },
    });
    await answer.body?.cancel();
    const { status: statusCode } = answer;
    const isAnswer = answer.ok || (statusCode >= 400 && statusCode < 500) || statusCode === NOT_IMPLEMENTED;
    if (isAnswer && !NOT_THERE.includes(statusCode)) return statusCode;
    throw new Refused({ statusCode, code: null, waitMs: null, ofEverybody: false });
  } catch (error) {
    signal.throwIfAborted();
    throw handleApiError(name, 'options', error, { secrets: [url] });
  }
}

/** The same id at each delivery of an event, and the instant of this one. */
function signed(id: string, body: string, secrets: readonly string[]): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
