import { PROVIDER_VARIABLES } from './config-provider-variables.ts';
import {
  bodyKeys,
  killPoints,
  oneOf,
  proxies,
  secrets,
  secretText,
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
    schema: secretText.optional(),
  },
  SUPABASE_REALTIME: {
    purpose: 'on where the Supabase project has a realtime server, as hosted ones do; off polls instead',
    example: 'off',
    schema: oneOf(['on', 'off']).prefault('off'),
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
  ...PROVIDER_VARIABLES,
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
