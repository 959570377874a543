import { isPair } from './config-files.ts';
import { isHmacSecret } from './config-receivers.ts';
import {
  endpoints,
  hmacReceivers,
  keyPairs,
  networkName,
  oneOf,
  pathSecrets,
  secrets,
  secretsOfHmacReceivers,
  secretText,
  sourceName,
  sources,
  text,
  url,
  type Variable,
} from './config-values.ts';
import { CURRENCIES, type Currency } from './money.ts';

/** Variables of those who report calls, are asked, or are told; see config-variables.ts. */
export const PROVIDER_VARIABLES = {
  CALLRAIL_SIGNING_KEYS: {
    purpose: 'signing keys of the CallRail companies, newest first, comma list',
    example: 'example-not-a-signing-key',
    secret: true,
    schema: secrets.prefault(''),
  },
  CALL_WEBHOOK_SECRETS: {
    purpose: 'entries source=whsec_...|whpk_... per sender of Standard Webhooks, newest first, comma list',
    example: 'acme=whsec_bm90LWEtc2VjcmV0LW5vdC1hLXNlY3JldA==',
    secret: true,
    schema: sources.prefault(''),
  },
  TWILIO_SIGNING_TOKENS: {
    purpose: 'auth tokens that Twilio signs webhooks with, newest first, comma list; needs PUBLIC_URL',
    example: '',
    secret: true,
    schema: secrets.prefault(''),
  },
  RINGBA_WEBHOOK_SECRETS: {
    purpose: "pairs path:header that let Ringba's webhooks in, newest first, comma list",
    example: '',
    secret: true,
    schema: pathSecrets.prefault(''),
  },
  RETREAVER_WEBHOOK_SECRETS: {
    purpose: "pairs path:header that let Retreaver's webhooks in, newest first, comma list",
    example: '',
    secret: true,
    schema: pathSecrets.prefault(''),
  },
  TRACKDRIVE_WEBHOOK_SECRETS: {
    purpose: "pairs path:header that let TrackDrive's webhooks in, newest first, comma list",
    example: '',
    secret: true,
    schema: pathSecrets.prefault(''),
  },
  INVOCA_WEBHOOK_SECRETS: {
    purpose: "pairs path:header that let Invoca's webhooks in, newest first, comma list",
    example: '',
    secret: true,
    schema: pathSecrets.prefault(''),
  },
  CONVOSO_WEBHOOK_SECRETS: {
    purpose: "pairs path:header that let Convoso's webhooks in, newest first, comma list",
    example: '',
    secret: true,
    schema: pathSecrets.prefault(''),
  },
  HMAC_RECEIVERS: {
    purpose: 'senders that sign by HMAC in a way of their own, as JSON (docs/receivers.md)',
    example: '',
    secret: true,
    secretsOf: secretsOfHmacReceivers,
    isSecret: isHmacSecret,
    schema: hmacReceivers.prefault('{}'),
  },
  CALLRAIL_ACCOUNT_ID: {
    purpose: "account ACC... whose log of calls is compared each night; empty compares none of CallRail's",
    example: '',
    schema: text.optional(),
  },
  CALLRAIL_API_KEYS: {
    purpose: 'keys of the CallRail API that may read that account, newest first, comma list',
    example: '',
    secret: true,
    schema: secrets.prefault(''),
  },
  TWILIO_ACCOUNT_SID: {
    purpose: "account AC... whose log of calls is compared each night; empty compares none of Twilio's",
    example: '',
    schema: text.optional(),
  },
  TWILIO_AUTH_TOKENS: {
    purpose: 'auth tokens of that account, or API keys as SK...:secret, newest first, comma list',
    example: '',
    secret: true,
    schema: secrets.prefault(''),
  },
  TWILIO_SOURCE: {
    purpose: "the source that reports Twilio's calls, by their CallSid: twilio for Twilio's own webhooks",
    example: 'twilio',
    schema: sourceName.prefault('twilio'),
  },
  IPQUALITYSCORE_KEYS: {
    purpose: 'keys of IPQualityScore, which rates callers where rules ask it, newest first, comma list',
    example: '',
    secret: true,
    schema: secrets.prefault(''),
  },
  TWILIO_LOOKUP_KEYS: {
    purpose:
      'API keys SK...:secret of Twilio Lookup, which knows lines where rules ask it, newest first, comma list',
    example: '',
    secret: true,
    isSecret: isPair,
    schema: keyPairs.prefault(''),
  },
  TELESIGN_KEYS: {
    purpose:
      'pairs customer-id:key of Telesign, which rates callers where rules ask it, newest first, comma list',
    example: '',
    secret: true,
    isSecret: isPair,
    schema: keyPairs.prefault(''),
  },
  RINGBA_ACCOUNT_ID: {
    purpose:
      'account RA... of Ringba, whose campaigns are read and whose log of calls is compared each night',
    example: '',
    schema: text.optional(),
  },
  RINGBA_API_TOKENS: {
    purpose: 'API tokens of that account, newest first, comma list',
    example: '',
    secret: true,
    schema: secrets.prefault(''),
  },
  EVERFLOW_API_KEYS: {
    purpose: 'keys of the Everflow network whose offers are read, newest first, comma list',
    example: '',
    secret: true,
    schema: secrets.prefault(''),
  },
  EVERFLOW_REGION: {
    purpose: 'where Everflow keeps that network: us or eu',
    example: 'us',
    schema: oneOf(['us', 'eu']).prefault('us'),
  },
  TUNE_NETWORK_ID: {
    purpose: 'network of TUNE (HasOffers) whose offers are read',
    example: '',
    schema: networkName.optional(),
  },
  TUNE_NETWORK_TOKENS: {
    purpose: 'tokens of that network, newest first, comma list',
    example: '',
    secret: true,
    schema: secrets.prefault(''),
  },
  TUNE_NETWORK_CURRENCY: {
    purpose:
      'currency of that network, such as usd: of its offers that name none, which else are read as faulty',
    example: '',
    schema: oneOf(Object.keys(CURRENCIES) as Currency[]).optional(),
  },
  POSTHOG_KEY: {
    purpose: 'key phc_... of the PostHog project that is told of business events; empty tells none',
    example: '',
    secret: true,
    schema: secretText.optional(),
  },
  POSTHOG_HOST: {
    purpose: 'where that project is: https://us.i.posthog.com, https://eu.i.posthog.com or your own',
    example: 'https://us.i.posthog.com',
    schema: url(['https:', 'http:']).prefault('https://us.i.posthog.com'),
  },
  EVENT_WEBHOOK_URLS: {
    purpose: 'entries name=https://... of endpoints that are told of business events, comma list',
    example: '',
    schema: endpoints.prefault(''),
  },
  EVENT_WEBHOOK_SECRETS: {
    purpose: 'entries name=whsec_...|whsec_... that their events are signed with, newest first, comma list',
    example: '',
    secret: true,
    schema: sources.prefault(''),
  },
} as const satisfies Record<string, Variable>;
