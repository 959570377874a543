import { z } from 'zod';
import { type CampaignSettings, campaignsOf, type RingbaAccount } from './config-campaigns.ts';
import { type EventSettings, endpointsOf, eventFaults } from './config-events.ts';
import {
  type HmacReceiver,
  type PathSecret,
  UNSIGNED_SOURCES,
  type UnsignedSource,
} from './config-receivers.ts';
import {
  defaultRates,
  type KillPoint,
  secretFault,
  secretsBySource,
  stripeMode,
  type Variable,
} from './config-values.ts';
import { VARIABLES } from './config-variables.ts';
import { PermanentError } from './errors.ts';

type VariableName = keyof typeof VARIABLES;
type Values = { [Name in VariableName]: z.output<(typeof VARIABLES)[Name]['schema']> };
type Given = Partial<Record<VariableName, string>>;

/** `perS`: requests per second of all processes together. */
export interface CallLogSettings {
  readonly callrail: {
    readonly accountId: string;
    /** Newest first. */
    readonly apiKeys: readonly string[];
    readonly apiBase: string;
    readonly perS: number;
  } | null;
  readonly twilio: {
    /** The source under which webhooks report its calls. */
    readonly source: string;
    readonly accountSid: string;
    /** Newest first. */
    readonly authTokens: readonly string[];
    readonly apiBase: string;
    readonly perS: number;
  } | null;
  readonly ringba?: (RingbaAccount & { readonly perS: number }) | null;
}

/** A service that knows numbers; `perS`: requests per second of all processes together. */
export interface LookupSettings {
  /** Newest first. */
  readonly keys: readonly string[];
  readonly apiBase: string;
  readonly perS: number;
}

/** All settings, frozen. Null and empty lists are what is not configured, which only dev allows. */
export interface Config {
  readonly env: 'dev' | 'staging' | 'prod';
  readonly host: string;
  readonly port: number;
  /** Proxies whose X-Forwarded headers count. */
  readonly trustProxy: readonly string[];
  readonly logLevel: Values['LOG_LEVEL'];
  readonly exchangeTimezone: string;
  readonly supabase: { readonly url: string; readonly secretKey: string } | null;
  readonly queue: { readonly kind: 'redis' | 'postgres'; readonly url: string } | null;
  readonly stripe: {
    readonly secretKey: string;
    readonly apiBase: string | null;
    readonly livemode: boolean;
    readonly rates: { readonly perS: number; readonly operationPerS: number };
  } | null;
  /** Where senders of webhooks reach this server. */
  readonly publicUrl: string | null;
  readonly stripeWebhookSecrets: readonly string[];
  readonly stripeConnectWebhookSecrets: readonly string[];
  readonly callRailSigningKeys: readonly string[];
  /** Secrets of each sender of Standard Webhooks, by source. */
  readonly callWebhookSecrets: Readonly<Record<string, readonly string[]>>;
  readonly twilioSigningTokens: readonly string[];
  /** What lets the webhooks of providers in that sign nothing. */
  readonly pathSecrets: Readonly<Record<UnsignedSource, readonly PathSecret[]>>;
  /** Senders that the configuration describes, by source. */
  readonly hmacReceivers: Readonly<Record<string, HmacReceiver>>;
  /** Providers whose own log of calls is read. */
  readonly callLogs: CallLogSettings;
  /** Platforms whose offers campaigns are. */
  readonly campaigns: CampaignSettings;
  /** Services that know numbers; null is one that is not configured. */
  readonly lookups: Readonly<Record<'ipqualityscore' | 'twilio' | 'telesign', LookupSettings | null>>;
  readonly events: EventSettings;
  /** Whether the Supabase project streams changes. */
  readonly realtime: boolean;
  readonly bodyKeys: readonly Buffer[];
  readonly opsPasswords: readonly string[];
  readonly sentryDsn: string | null;
  /** Too short, and a busy machine loses the locks of living jobs. */
  readonly queueLockMs: number;
  readonly shutdownDeadlineMs: number;
  readonly startDeadlineMs: number;
  readonly killPoints: readonly KillPoint[];
  /** What is not configured, so that an embedded part stands in. */
  readonly embedded: { readonly database: boolean; readonly queue: boolean; readonly stripe: boolean };
}

const NAMES = Object.keys(VARIABLES) as VariableName[];
/** Each lets one kind of sender report calls. */
const CALL_SENDERS = [
  'CALLRAIL_SIGNING_KEYS',
  'CALL_WEBHOOK_SECRETS',
  'TWILIO_SIGNING_TOKENS',
  'HMAC_RECEIVERS',
  ...UNSIGNED_SOURCES.map((source) => `${source.toUpperCase()}_WEBHOOK_SECRETS` as UnsignedVariable),
] as const satisfies VariableName[];
type UnsignedVariable = `${Uppercase<UnsignedSource>}_WEBHOOK_SECRETS`;
const variableOf = (name: VariableName): Variable => VARIABLES[name];

/** Faults of one variable beside another, as [variable, what is wrong]. */
function crossFaults(env: Config['env'], given: Given): [VariableName, string][] {
  const faults: [VariableName, string][] = [];
  const missing = (name: VariableName, why: string) => faults.push([name, `is missing: ${why}`]);
  if (given.REDIS_URL !== undefined && given.QUEUE_DATABASE_URL !== undefined)
    faults.push(['QUEUE_DATABASE_URL', 'and REDIS_URL are both set: the queue is in one place only']);
  if (env === 'dev') {
    const pairs = [
      ['SUPABASE_URL', 'SUPABASE_SECRET_KEY'],
      ['SUPABASE_SECRET_KEY', 'SUPABASE_URL'],
      ['STRIPE_SECRET_KEY', 'STRIPE_API_BASE'],
    ] as const;
    for (const [name, beside] of pairs)
      if (given[name] === undefined && given[beside] !== undefined) missing(name, `${beside} is set`);
  } else {
    for (const name of NAMES)
      if (variableOf(name).required && given[name] === undefined) missing(name, `${env} needs it`);
    if (given.REDIS_URL === undefined && given.QUEUE_DATABASE_URL === undefined)
      missing('REDIS_URL', `${env} needs it or QUEUE_DATABASE_URL`);
    if (CALL_SENDERS.every((name) => given[name] === undefined))
      missing('CALL_WEBHOOK_SECRETS', `${env} needs it, or the secrets of another sender of calls`);
  }
  for (const [id, keys] of [
    ['CALLRAIL_ACCOUNT_ID', 'CALLRAIL_API_KEYS'],
    ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKENS'],
    ['RINGBA_ACCOUNT_ID', 'RINGBA_API_TOKENS'],
    ['TUNE_NETWORK_ID', 'TUNE_NETWORK_TOKENS'],
  ] as const) {
    if (given[keys] === undefined && given[id] !== undefined) missing(keys, `${id} is set`);
    if (given[id] === undefined && given[keys] !== undefined) missing(id, `${keys} is set`);
  }
  if (given.TWILIO_SIGNING_TOKENS !== undefined && given.PUBLIC_URL === undefined)
    missing('PUBLIC_URL', 'TWILIO_SIGNING_TOKENS is set, and Twilio signs the address');
  const mode = stripeMode(given.STRIPE_SECRET_KEY ?? '');
  if (env !== 'prod' && mode === 'live')
    faults.push(['STRIPE_SECRET_KEY', 'is a live key, which only prod may hold']);
  for (const name of NAMES.filter((candidate) => variableOf(candidate).secret)) {
    const fault = secretFault(variableOf(name), given[name] ?? '', env === 'prod');
    if (fault !== null) faults.push([name, fault]);
  }
  if (env !== 'prod') return faults;
  if (mode === 'test') faults.push(['STRIPE_SECRET_KEY', 'is a test key, which prod may not hold']);
  for (const name of ['STRIPE_API_BASE', 'KILL_POINT'] as const)
    if (given[name] !== undefined) faults.push([name, 'may not be set in prod']);
  return faults;
}

/** Requests per second of all processes: of CallRail's 1,000 an hour most, of Twilio's far less than it is said to take. */
const CALLRAIL_PER_S = 0.25;
const TWILIO_PER_S = 5;

function callLogsOf(values: Values): CallLogSettings {
  const { CALLRAIL_ACCOUNT_ID: accountId, TWILIO_ACCOUNT_SID: accountSid } = values;
  const callrail = { apiKeys: Object.freeze(values.CALLRAIL_API_KEYS), perS: CALLRAIL_PER_S };
  const twilio = { authTokens: Object.freeze(values.TWILIO_AUTH_TOKENS), perS: TWILIO_PER_S };
  return Object.freeze({
    callrail:
      accountId === undefined ? null : { ...callrail, accountId, apiBase: 'https://api.callrail.com' },
    twilio:
      accountSid === undefined
        ? null
        : { ...twilio, accountSid, source: values.TWILIO_SOURCE, apiBase: 'https://api.twilio.com' },
    ringba: campaignsOf(values).ringba,
  });
}

/** None of them publishes a limit for all; a call whose turn does not come, comes again. */
const LOOKUPS_PER_S = 20;

function lookupsOf(values: Values): Config['lookups'] {
  const settings = (keys: readonly string[], apiBase: string) =>
    keys.length === 0 ? null : Object.freeze({ keys: Object.freeze(keys), apiBase, perS: LOOKUPS_PER_S });
  return Object.freeze({
    ipqualityscore: settings(values.IPQUALITYSCORE_KEYS, 'https://www.ipqualityscore.com'),
    twilio: settings(values.TWILIO_LOOKUP_KEYS, 'https://lookups.twilio.com'),
    telesign: settings(values.TELESIGN_KEYS, 'https://detect.telesign.com'),
  });
}

function pathSecretsOf(values: Values): Config['pathSecrets'] {
  return Object.freeze({
    ringba: Object.freeze(values.RINGBA_WEBHOOK_SECRETS),
    retreaver: Object.freeze(values.RETREAVER_WEBHOOK_SECRETS),
    trackdrive: Object.freeze(values.TRACKDRIVE_WEBHOOK_SECRETS),
    invoca: Object.freeze(values.INVOCA_WEBHOOK_SECRETS),
    convoso: Object.freeze(values.CONVOSO_WEBHOOK_SECRETS),
  });
}

function eventsOf(values: Values): EventSettings {
  const { POSTHOG_KEY: key, POSTHOG_HOST: host } = values;
  const webhooks = endpointsOf(values.EVENT_WEBHOOK_URLS, secretsBySource(values.EVENT_WEBHOOK_SECRETS));
  return Object.freeze({ posthog: key === undefined ? null : Object.freeze({ key, host }), webhooks });
}

function configOf(values: Values): Config {
  const { SUPABASE_URL, SUPABASE_SECRET_KEY, REDIS_URL, QUEUE_DATABASE_URL, STRIPE_SECRET_KEY } = values;
  const supabase =
    SUPABASE_URL !== undefined && SUPABASE_SECRET_KEY !== undefined
      ? Object.freeze({ url: SUPABASE_URL, secretKey: SUPABASE_SECRET_KEY })
      : null;
  const queueUrl = REDIS_URL ?? QUEUE_DATABASE_URL;
  const kind = REDIS_URL === undefined ? 'postgres' : 'redis';
  const queue = queueUrl === undefined ? null : Object.freeze({ kind, url: queueUrl } as const);
  const livemode = stripeMode(STRIPE_SECRET_KEY ?? '') === 'live';
  const { STRIPE_API_BASE: apiBase = null, STRIPE_RATES: rates = defaultRates(livemode) } = values;
  const stripe =
    STRIPE_SECRET_KEY === undefined
      ? null
      : Object.freeze({ secretKey: STRIPE_SECRET_KEY, apiBase, livemode, rates: Object.freeze(rates) });
  return Object.freeze({
    env: values.APP_ENV,
    host: values.HOST,
    port: values.PORT,
    trustProxy: Object.freeze(values.TRUST_PROXY),
    logLevel: values.LOG_LEVEL,
    exchangeTimezone: values.EXCHANGE_TIMEZONE,
    supabase,
    queue,
    stripe,
    publicUrl: values.PUBLIC_URL ?? null,
    stripeWebhookSecrets: Object.freeze(values.STRIPE_WEBHOOK_SECRETS),
    stripeConnectWebhookSecrets: Object.freeze(values.STRIPE_CONNECT_WEBHOOK_SECRETS),
    callRailSigningKeys: Object.freeze(values.CALLRAIL_SIGNING_KEYS),
    callLogs: callLogsOf(values),
    campaigns: campaignsOf(values),
    lookups: lookupsOf(values),
    events: eventsOf(values),
    realtime: values.SUPABASE_REALTIME === 'on',
    callWebhookSecrets: secretsBySource(values.CALL_WEBHOOK_SECRETS),
    twilioSigningTokens: Object.freeze(values.TWILIO_SIGNING_TOKENS),
    pathSecrets: pathSecretsOf(values),
    hmacReceivers: values.HMAC_RECEIVERS,
    bodyKeys: Object.freeze(values.BODY_KEYS),
    opsPasswords: Object.freeze(values.OPS_PASSWORDS),
    sentryDsn: values.SENTRY_DSN ?? null,
    queueLockMs: values.QUEUE_LOCK_MS,
    shutdownDeadlineMs: values.SHUTDOWN_DEADLINE_MS,
    startDeadlineMs: values.START_DEADLINE_MS,
    killPoints: Object.freeze(values.KILL_POINT),
    embedded: Object.freeze({ database: supabase === null, queue: queue === null, stripe: stripe === null }),
  });
}

/**
 * Reads and checks the environment.
 *
 * Throws one CONFIG_INVALID that names every variable at fault, what is wrong with it and what it is for. The message
 * holds no value: it goes to logs. An empty variable counts as missing, since compose files pass them so.
 */
export function validateEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given: Given = {};
  for (const name of NAMES) {
    const value = env[name]?.trim();
    if (value !== undefined && value !== '') given[name] = value;
  }
  const result = z
    .object(Object.fromEntries(NAMES.map((name) => [name, variableOf(name).schema])))
    .safeParse(given);
  const faults: [VariableName, string][] = [];
  for (const issue of result.error?.issues ?? []) faults.push([issue.path[0] as VariableName, issue.message]);
  const appEnv = VARIABLES.APP_ENV.schema.safeParse(given.APP_ENV);
  const told = new Set(faults.map(([name]) => name));
  const clash = Object.keys(result.data?.HMAC_RECEIVERS ?? {}).some((source) =>
    Object.hasOwn(secretsBySource((result.data as Values).CALL_WEBHOOK_SECRETS), source),
  );
  if (clash) faults.push(['HMAC_RECEIVERS', 'has a sender that CALL_WEBHOOK_SECRETS has too']);
  if (appEnv.success) faults.push(...crossFaults(appEnv.data, given).filter(([name]) => !told.has(name)));
  if (result.success) {
    const { APP_ENV, EVENT_WEBHOOK_URLS, EVENT_WEBHOOK_SECRETS } = result.data as Values;
    faults.push(...eventFaults(APP_ENV, EVENT_WEBHOOK_URLS, EVENT_WEBHOOK_SECRETS));
  }
  if (faults.length > 0) {
    const lines = faults.map(([name, fault]) => `  ${name} ${fault} (${variableOf(name).purpose})`);
    const detail = { variables: faults.map(([name]) => name) };
    throw new PermanentError('CONFIG_INVALID', ['The environment cannot be used:', ...lines].join('\n'), {
      detail,
    });
  }
  return configOf(result.data as Values);
}
