import type { Authorize } from '../credentials.ts';
import { type ApiClient, type ClientParts, createApiClient } from '../http.ts';

export type LookupProvider = 'ipqualityscore' | 'twilio' | 'telesign';

export type LineType = 'mobile' | 'landline' | 'voip' | 'toll_free' | 'premium' | 'other';

/** What a provider knows of a number, in one shape for all of them. */
export interface NumberReport {
  /** Whether it can be somebody's. */
  readonly valid: boolean;
  /** Null where the provider does not know it. */
  readonly lineType: LineType | null;
  /** 0 to 100, the riskiest; null of a provider that scores no risk. */
  readonly riskScore: number | null;
}

/** A service that knows numbers. Each answer is paid for. */
export interface NumberLookup {
  /** It failed so often that it is not asked for a while. */
  isAway(): boolean;
  /**
   * Asks once, for a number in E.164. Throws as the API client does: OutageError PROVIDER_UNAVAILABLE, with `sent: false` in
   * its detail when nothing was asked and so nothing is paid; ApiError PROVIDER_REFUSED, also of a refusal in a 200;
   * ApiError ANSWER_INVALID; the signal's reason.
   */
  lookUp(number: string, signal: AbortSignal): Promise<NumberReport>;
}

export interface LookupOptions extends Omit<ClientParts, 'tries'> {
  /** Newest first. */
  readonly keys: readonly string[];
  readonly apiBase: string;
}

/**
 * One try, because who is asked twice is paid twice, also where the first answer was lost; of 1,500 ms where nothing else is
 * said, because scoring does not wait for long.
 */
export function lookupClient(
  provider: string,
  authorize: Authorize,
  { keys, apiBase, timeoutMs = 1_500, ...options }: LookupOptions,
): ApiClient {
  return createApiClient({
    ...{ provider, authorize, timeoutMs, tries: 1, ...options },
    ...{ baseUrl: new URL(apiBase), tokens: () => keys },
  });
}

/** As providers write it that take no plus sign. */
export const digitsOf = (number: string): string => (number.startsWith('+') ? number.slice(1) : number);
