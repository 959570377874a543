import {
  type CampaignBook,
  type CampaignProvider,
  type Conversion,
  type ConversionBook,
  type KnownConversion,
  type Offer,
  PROVIDERS,
} from './offer.ts';

/** The platforms of campaigns that are configured, behind one door. */
export interface CampaignBooks {
  configured(): Promise<readonly CampaignProvider[]>;
  readOffer(provider: CampaignProvider, offerId: string, signal: AbortSignal): Promise<Offer | null>;
  /** Whether it takes a while until it shows what it took; null of one that is not told of calls. */
  slowness(provider: CampaignProvider): Promise<'slow' | 'immediate' | null>;
  find(
    provider: CampaignProvider,
    conversion: Conversion,
    signal: AbortSignal,
  ): Promise<KnownConversion | null>;
  send(
    provider: CampaignProvider,
    conversion: Conversion,
    known: KnownConversion | null,
    signal: AbortSignal,
  ): Promise<void>;
}

export function createCampaignBooks(
  books: Readonly<Record<CampaignProvider, CampaignBook | null>>,
): CampaignBooks {
  const bookOf = (provider: CampaignProvider): CampaignBook => {
    const book = books[provider];
    if (book === null) throw new Error(`${provider} is not configured`);
    return book;
  };
  const toldOf = (provider: CampaignProvider): ConversionBook => {
    const { conversions } = bookOf(provider);
    if (conversions === null) throw new Error(`${provider} is not told of calls`);
    return conversions;
  };
  return {
    configured: async () => PROVIDERS.filter((provider) => books[provider] !== null),
    readOffer: async (provider, offerId, signal) => bookOf(provider).readOffer(offerId, signal),
    async slowness(provider) {
      const told = books[provider]?.conversions ?? null;
      return told === null ? null : told.isSlow ? 'slow' : 'immediate';
    },
    find: async (provider, conversion, signal) => toldOf(provider).find(conversion, signal),
    send: async (provider, conversion, known, signal) => toldOf(provider).send(conversion, known, signal),
  };
}
