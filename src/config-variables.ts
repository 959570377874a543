import {
  bodyKeys,
  hmacReceivers,
  keyPairs,
  killPoints,
  networkName,
  oneOf,
  pathSecrets,
  proxies,
  secrets,
  secretsOfHmacReceivers,
  sourceName,
  sources,
  stripeKey,
  stripeRates,
  text,
  timezone,
  url,
  type Variable,
  whole,
} from './config-values.ts';

/**
 * Every variable that callclear reads, in the order of `.env.example`, where each stands with its purpose and example.
 *
 * `secret` values are refused in prod when they are weak or the example. `required` outside dev; dev stands in.
 */
export const VARIABLES = {
  APP_ENV: {
    purpose: 'the deployment: dev, staging or prod; dev stands in for what is not configured',
    example: 'dev',
    schema: oneOf(['dev', 'staging', 'prod']).prefault('dev'),
  },
  HOST: { purpose: 'address to listen on', example: '127.0.0.1', schema: text.prefault('127.0.0.1') },
  PORT: {
    purpose: 'port to listen on; 0 takes a free one',
    example: '8080',
    schema: whole(0, 65_535).prefault('8080'),
  },
  TRUST_PROXY: {
    purpose:
      'proxies whose X-Forwarded headers count: addresses, CIDR blocks, loopback, uniquelocal, comma list',
    example: '',
    schema: proxies.prefault(''),
  },
  PUBLIC_URL: {
    purpose: 'address under which senders of webhooks reach this server, which Twilio signs',
    example: '',
    schema: url(['https:', 'http:']).optional(),
  },
  LOG_LEVEL: {
    purpose: 'how much is logged: trace, debug, info, warn, error, fatal or silent',
    example: 'info',
    schema: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).prefault('info'),
  },
  EXCHANGE_TIMEZONE: {
    purpose: 'IANA name of the zone in which a business day begins and ends',
    example: 'UTC',
    schema: timezone.prefault('UTC'),
  },
  SUPABASE_URL: {
    purpose: 'address of the Supabase project',
    example: '',
    required: true,
    schema: url(['https:', 'http:']).optional(),
  },
  SUPABASE_SECRET_KEY: {
    purpose: 'secret key of the Supabase project',
    example: '',
    secret: true,
    required: true,
    schema: text.optional(),
  },
  REDIS_URL: {
    purpose: 'the queue on Redis or Valkey (or QUEUE_DATABASE_URL)',
    example: '',
    schema: url(['redis:', 'rediss:']).optional(),
  },
  QUEUE_DATABASE_URL: {
    purpose: 'the queue on PostgreSQL (or REDIS_URL)',
    example: '',
    schema: url(['postgres:', 'postgresql:']).optional(),
  },
  STRIPE_SECRET_KEY: {
    purpose: 'secret or restricted key of the Stripe platform account',
    example: '',
    secret: true,
    required: true,
    schema: stripeKey.optional(),
  },
  STRIPE_API_BASE: {
    purpose: 'another address than that of Stripe, never in prod',
    example: '',
    schema: url(['https:', 'http:']).optional(),
  },
  STRIPE_RATES: {
    purpose:
      'requests per second to Stripe, of all processes / of each operation; 100/25 live, 25/25 in test mode',
    example: '',
    schema: stripeRates.optional(),
  },
  STRIPE_WEBHOOK_SECRETS: {
    purpose: 'signing secrets of the Stripe endpoint of your own account, newest first, comma list',
    example: 'whsec_example-not-a-secret',
    secret: true,
    required: true,
    schema: secrets.prefault(''),
  },
  STRIPE_CONNECT_WEBHOOK_SECRETS: {
    purpose: 'signing secrets of the Stripe endpoint of connected accounts, newest first, comma list',
    example: '',
    secret: true,
    schema: secrets.prefault(''),
  },
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
    schema: keyPairs.prefault(''),
  },
  TELESIGN_KEYS: {
    purpose:
      'pairs customer-id:key of Telesign, which rates callers where rules ask it, newest first, comma list',
    example: '',
    secret: true,
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
  BODY_KEYS: {
    purpose: 'keys that seal call bodies in the queue, base64 of 32 bytes, newest first, comma list',
    example: 'bm90LWEtc2VjcmV0LW5vdC1hLXNlY3JldC1ub3QtYSE=',
    secret: true,
    required: true,
    schema: bodyKeys.prefault(''),
  },
  OPS_PASSWORDS: {
    purpose: 'passwords of the user ops for /ops and /metrics, newest first, comma list',
    example: 'example-not-a-password',
    secret: true,
    required: true,
    schema: secrets.prefault(''),
  },
  SENTRY_DSN: {
    purpose: 'where terminal failures are reported; empty reports nowhere',
    example: '',
    schema: url(['https:', 'http:']).optional(),
  },
  QUEUE_LOCK_MS: {
    purpose: 'how long the jobs of a worker that was killed wait for another one, in milliseconds',
    example: '30000',
    schema: whole(1_000, 600_000).prefault('30000'),
  },
  SHUTDOWN_DEADLINE_MS: {
    purpose: 'how long a stop may take, in milliseconds',
    example: '25000',
    schema: whole(1_000, 600_000).prefault('25000'),
  },
  START_DEADLINE_MS: {
    purpose: 'how long a start may take, in milliseconds',
    example: '60000',
    schema: whole(1_000, 600_000).prefault('60000'),
  },
  KILL_POINT: {
    purpose: 'for tests: where the process kills itself, such as payouts.settle:before, comma list',
    example: '',
    schema: killPoints.prefault(''),
  },
} as const satisfies Record<string, Variable>;
