import { createHmac } from 'node:crypto';
import type { FaultTable } from './faults.ts';
import type { StripeEvent } from './objects.ts';
import type { Store } from './store.ts';

export interface WebhookTarget {
  readonly url: string;
  /** `whsec_…`, used whole, as Stripe does. */
  readonly secret: string;
}

const ANSWER_WITHIN_MS = 10_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;

export type Webhooks = ReturnType<typeof createWebhooks>;

/**
 * Delivers events at least once: what is queued stands in the store and is tried, with growing delays of real time,
 * until the receiver answers 2xx. The signature carries real time and is made anew at each try.
 */
export function createWebhooks(store: Store, faults: FaultTable, target: WebhookTarget | null) {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;
  const closing = new AbortController();

  async function pump(to: WebhookTarget): Promise<void> {
    while (!closing.signal.aborted) {
      const order = faults.shuffling ? 'DESC' : 'ASC';
      const sql = `SELECT * FROM deliveries WHERE delivered = 0 AND next_ms <= ? ORDER BY seq ${order} LIMIT 4`;
      const due = store.rows(sql, Date.now());
      if (due.length === 0) return;
      await Promise.all(due.map((row) => deliver(store, row, to, closing.signal)));
    }
  }

  function wake(): void {
    if (target === null || running !== null || closing.signal.aborted) return;
    clearTimeout(timer);
    running = pump(target).finally(() => {
      running = null;
      if (closing.signal.aborted) return;
      const next = store.rows('SELECT min(next_ms) AS at FROM deliveries WHERE delivered = 0')[0]?.at;
      if (next === null || next === undefined) return;
      timer = setTimeout(wake, Math.max(0, Number(next) - Date.now()));
      timer.unref();
    });
  }

  return {
    /** Within the transaction that made the event. */
    enqueue(event: StripeEvent): void {
      if (target === null) return;
      for (let copy = faults.shuffling ? 2 : 1; copy > 0; copy -= 1) {
        store.run(
          'INSERT INTO deliveries (event, attempts, next_ms, delivered) VALUES (?, 0, ?, 0)',
          event.id,
          Date.now(),
        );
      }
    },
    /** Starts to deliver what is due; call after a commit. */
    wake,
    async close(): Promise<void> {
      closing.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

async function deliver(
  store: Store,
  row: Record<string, unknown>,
  to: WebhookTarget,
  closing: AbortSignal,
): Promise<void> {
  const seq = Number(row.seq);
  const event = store.find('event', String(row.event));
  const ok = event !== null && (await post(event, to, closing));
  if (closing.aborted) return;
  if (ok) {
    store.run('UPDATE deliveries SET delivered = 1, attempts = attempts + 1 WHERE seq = ?', seq);
    return;
  }
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Number(row.attempts), LONGEST_DELAY_MS);
  store.run(
    'UPDATE deliveries SET attempts = attempts + 1, next_ms = ? WHERE seq = ?',
    Date.now() + delayMs,
    seq,
  );
}

async function post(
  event: StripeEvent,
  { url, secret }: WebhookTarget,
  closing: AbortSignal,
): Promise<boolean> {
  const body = JSON.stringify(event);
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stripe-signature': sign(body, secret, Date.now()) },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([closing, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

function sign(body: string, secret: string, atMs: number): string {
  const stamp = Math.floor(atMs / 1_000);
  return `t=${stamp},v1=${createHmac('sha256', secret).update(`${stamp}.${body}`).digest('hex')}`;
}
