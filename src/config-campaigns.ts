import type { Currency } from './money.ts';

/** Platforms whose offers campaigns are; `perS`: requests per second of all processes together. */
export interface CampaignSettings {
  readonly ringba: (RingbaAccount & { readonly perS: number }) | null;
  readonly everflow: {
    readonly apiKeys: readonly string[];
    readonly apiBase: string;
    readonly perS: number;
  } | null;
  readonly tune: {
    readonly networkTokens: readonly string[];
    /** Of its offers that name none. */
    readonly networkCurrency?: Currency | null;
    readonly apiBase: string;
    readonly perS: number;
  } | null;
}

/** Keys and tokens are newest first. */
export interface RingbaAccount {
  readonly accountId: string;
  readonly apiTokens: readonly string[];
  readonly apiBase: string;
}

interface Values {
  readonly RINGBA_ACCOUNT_ID?: string | undefined;
  readonly RINGBA_API_TOKENS: readonly string[];
  readonly EVERFLOW_API_KEYS: readonly string[];
  readonly EVERFLOW_REGION: 'us' | 'eu';
  readonly TUNE_NETWORK_ID?: string | undefined;
  readonly TUNE_NETWORK_TOKENS: readonly string[];
  readonly TUNE_NETWORK_CURRENCY?: Currency | undefined;
}

/** None of them publishes a limit for all; these are far below those that their users speak of. */
const PER_S = 2;
const EVERFLOW = { us: 'https://api.eflow.team', eu: 'https://api-eu.eflow.team' };

export function campaignsOf(values: Values): CampaignSettings {
  const { EVERFLOW_API_KEYS: apiKeys, EVERFLOW_REGION: region } = values;
  const { TUNE_NETWORK_ID: network, TUNE_NETWORK_TOKENS: networkTokens } = values;
  const networkCurrency = values.TUNE_NETWORK_CURRENCY ?? null;
  const { RINGBA_ACCOUNT_ID: accountId, RINGBA_API_TOKENS: apiTokens } = values;
  return Object.freeze({
    ringba:
      accountId === undefined
        ? null
        : { accountId, apiTokens, apiBase: 'https://api.ringba.com', perS: PER_S },
    everflow: apiKeys.length === 0 ? null : { apiKeys, apiBase: EVERFLOW[region], perS: PER_S },
    tune:
      network === undefined
        ? null
        : { networkTokens, networkCurrency, apiBase: `https://${network}.api.hasoffers.com`, perS: PER_S },
  });
}
