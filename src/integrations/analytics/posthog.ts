import { z } from 'zod';
import { Away, handleApiError, Refused } from '../api-errors.ts';
import type { BusinessEvent } from './business-event.ts';

export interface PostHogOptions {
  /** Of the project, `phc_…`. */
  readonly key: string;
  readonly host: string;
  /** Of one request. Default 10,000. */
  readonly timeoutMs?: number;
  readonly onFailure: (failure: { operation: string; code: string }) => void;
}

export interface PostHogSink {
  /**
   * Sends events in one request, and resolves when PostHog has taken them: nothing waits in memory for a later one, or for a
   * shutdown. One that is sent again has the same id, by which PostHog drops it. Throws ApiError or OutageError.
   */
  capture(events: readonly BusinessEvent[]): Promise<void>;
}

const httpFailure = z.object({ status: z.int() });

/** By PostHog's own library, which is loaded where it is used. */
export function createPostHog({ key, host, timeoutMs = 10_000, onFailure }: PostHogOptions): PostHogSink {
  return {
    async capture(events) {
      const { PostHog } = await import('posthog-node');
      // A client for each batch: what an earlier one could not send is sent again by its row, and by nothing else.
      const client = new PostHog(key, {
        ...{ host, requestTimeout: timeoutMs, flushAt: events.length + 1, flushInterval: 0 },
        ...{ fetchRetryCount: 0, disableGeoip: true },
      });
      for (const { id, kind, atMs, data } of events)
        client.capture({
          ...{ event: kind, uuid: id, timestamp: new Date(atMs) },
          distinctId: 'supplierId' in data ? data.supplierId : 'buyerId' in data ? data.buyerId : 'exchange',
          // Parties are no persons whom PostHog should keep a profile of.
          properties: { ...data, $process_person_profile: false },
        });
      try {
        await client.flush();
      } catch (error) {
        throw failureOf(error, key, onFailure);
      }
    },
  };
}

function failureOf(error: unknown, key: string, onFailure: PostHogOptions['onFailure']): Error {
  const answered = httpFailure.safeParse(error);
  const cause = answered.success
    ? new Refused({ statusCode: answered.data.status, code: null, waitMs: null })
    : error;
  const failure = handleApiError('posthog', 'batch', cause, { secrets: [key] });
  onFailure({ operation: 'batch', code: failure.code });
  return failure.retryable ? new Away(failure, null).outage() : failure;
}
