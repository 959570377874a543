import type { StripeClient } from './client.ts';
import { type StripeWebhook, snapshotSchema } from './events.ts';
import { listSchema } from './schemas.ts';

export interface StripeEventList {
  /**
   * One page of the platform's own events of these types made in [fromMs, beforeMs), the newest first; `after` is the last id of the page
   * before. Stripe keeps them for 30 days, it is said; what is older is not in the list.
   */
  readPage(window: {
    readonly types: readonly string[];
    readonly fromMs: number;
    readonly beforeMs: number;
    readonly after: string | null;
    readonly signal: AbortSignal;
  }): Promise<{ readonly events: readonly StripeWebhook[]; readonly hasMore: boolean }>;
}

/** What Stripe says it has told, whether or not a webhook brought it. */
export function createStripeEventList(client: StripeClient): StripeEventList {
  return {
    async readPage({ types, fromMs, beforeMs, after, signal }) {
      const created = { gte: Math.ceil(fromMs / 1_000), lt: Math.ceil(beforeMs / 1_000) };
      const { data, has_more } = await client.read({
        operation: 'events.list',
        signal,
        schema: listSchema(snapshotSchema),
        run: (sdk) =>
          sdk.events.list({
            ...{ created, types: [...types], limit: 100 },
            ...(after === null ? {} : { starting_after: after }),
          }),
      });
      return { events: data, hasMore: has_more && data.length > 0 };
    },
  };
}
