import { z } from 'zod';
import type { Config, LookupSettings } from '../config.ts';
import { readSecrets } from '../config-files.ts';
import { codeOf, isOfOne, PermanentError } from '../errors.ts';
import { checkPostHog } from '../integrations/analytics/posthog.ts';
import { checkEndpoint } from '../integrations/analytics/webhook-out.ts';
import { createCallRailLog } from '../integrations/call-tracking/callrail-log.ts';
import type { CallLog } from '../integrations/call-tracking/log.ts';
import { createRingbaLog } from '../integrations/call-tracking/ringba-log.ts';
import { createTwilioLog } from '../integrations/call-tracking/twilio-log.ts';
import { createEverflow } from '../integrations/campaigns/everflow.ts';
import type { CampaignBook } from '../integrations/campaigns/offer.ts';
import { createRingba } from '../integrations/campaigns/ringba.ts';
import { createTune } from '../integrations/campaigns/tune.ts';
import { checkIpQualityScore } from '../integrations/fraud/ipqualityscore.ts';
import { checkTelesign } from '../integrations/fraud/telesign.ts';
import { checkTwilioLookup } from '../integrations/fraud/twilio-lookup.ts';
import { checkDsn } from '../integrations/sentry/check-dsn.ts';
import { createStripeBalance } from '../integrations/stripe/balance.ts';
import { createStripeClient } from '../integrations/stripe/client.ts';
import { createDatabase } from '../integrations/supabase/client.ts';
import { RealtimeService } from '../integrations/supabase/realtime.ts';
import { instantMs } from '../integrations/supabase/rpc.ts';
import { checkQueueStore } from '../queues/store-check.ts';

/** Told the code of a failure after which it is tried again. */
type OnCode = (code: string) => void;

/** Asks a configured integration something harmless, and says what it found. Throws when it is not in order. */
type Ask<Settings> = (settings: Settings, signal: AbortSignal, onCode: OnCode) => Promise<string>;

export interface Check {
  readonly name: string;
  /** Null is an integration that is not configured. */
  readonly ask: ((signal: AbortSignal, onCode: OnCode) => Promise<string>) | null;
  /** What a person does when it is broken. */
  readonly mend: string;
}

/** One line for each integration; another is another line. */
export function checksOf(config: Config): readonly Check[] {
  const { supabase, queue, stripe, callLogs, campaigns, lookups, events, sentryDsn } = config;
  const strict = config.env === 'prod';
  return [
    check(
      'database',
      supabase,
      askDatabase,
      'See SUPABASE_URL and SUPABASE_SECRET_KEY; `callclear migrate` makes the functions.',
    ),
    check(
      'realtime',
      config.realtime ? supabase : null,
      askRealtime,
      'See SUPABASE_SECRET_KEY, and that the publication supabase_realtime has the tables that docs/integrations.md names. Where the project has no realtime server, set SUPABASE_REALTIME=off: everything is polled then.',
    ),
    check(
      'queue',
      queue,
      (backend) => askQueue(backend, strict),
      'See REDIS_URL or QUEUE_DATABASE_URL, and the settings of that store in docs/runbook.md.',
    ),
    check('stripe', stripe, askStripe, 'See STRIPE_SECRET_KEY: a restricted key needs to read the balance.'),
    check('sentry', sentryDsn, askSentry, 'Copy SENTRY_DSN anew from the settings of the project at Sentry.'),
    check(
      'callrail',
      callLogs.callrail,
      askCallRail,
      'See CALLRAIL_ACCOUNT_ID and CALLRAIL_API_KEYS: the key must be of a user of that account.',
    ),
    check(
      'twilio',
      callLogs.twilio,
      askTwilio,
      'See TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKENS: the token must be of that account.',
    ),
    ...platformsOf(campaigns),
    ...lookupsOf(lookups),
    check(
      'posthog',
      events.posthog,
      askPostHog,
      'See POSTHOG_HOST, which is of the region of the project, and POSTHOG_KEY: it is the key of a project, phc_....',
    ),
    ...events.webhooks.map((endpoint) =>
      check(
        `webhook-${endpoint.name}`,
        endpoint,
        askEndpoint,
        'See its address in EVENT_WEBHOOK_URLS; else its owner must mend it. 404 may also mean that it knows POST alone.',
      ),
    ),
  ];
}

const lookupsOf = ({ ipqualityscore, twilio, telesign }: Config['lookups']): Check[] => [
  check('lookup-ipqualityscore', ipqualityscore, askLookup(checkIpQualityScore), 'See IPQUALITYSCORE_KEYS.'),
  check('lookup-twilio', twilio, askLookup(checkTwilioLookup), 'See TWILIO_LOOKUP_KEYS: SK...:secret.'),
  check(
    'lookup-telesign',
    telesign,
    askLookup(checkTelesign),
    'See TELESIGN_KEYS: customer-id:key, of an account that has Intelligence Cloud.',
  ),
];

const platformsOf = ({ ringba, everflow, tune }: Config['campaigns']): Check[] => [
  check(
    'ringba',
    ringba,
    (given, signal) =>
      withEach(given.apiTokens, async (apiTokens) => {
        const options = { ...given, apiTokens, onFailure };
        await askLog(createRingbaLog(options), signal);
        return `${await askPlatform(createRingba(options), signal)}; shows its log of calls`;
      }),
    'See RINGBA_ACCOUNT_ID and RINGBA_API_TOKENS: the token must be of that account, and may read its reports.',
  ),
  check(
    'everflow',
    everflow,
    (given, signal) =>
      withEach(given.apiKeys, (apiKeys) =>
        askPlatform(createEverflow({ ...given, apiKeys, onFailure }), signal),
      ),
    'See EVERFLOW_API_KEYS, which are of a network, and EVERFLOW_REGION.',
  ),
  check(
    'tune',
    tune,
    (given, signal) =>
      withEach(given.networkTokens, (networkTokens) =>
        askPlatform(createTune({ ...given, networkTokens, onFailure }), signal),
      ),
    'See TUNE_NETWORK_ID and TUNE_NETWORK_TOKENS: the token must be of that network.',
  ),
];

const check = <Settings>(
  name: string,
  settings: Settings | null,
  ask: Ask<Settings>,
  mend: string,
): Check => ({
  ...{ name, mend },
  ask: settings === null ? null : (signal, onCode) => ask(settings, signal, onCode),
});

const onFailure = () => undefined;

/** Each key alone: an older one that is good would hide that the newest is not. */
async function withEach(keys: readonly string[], ask: (one: readonly [string]) => Promise<string>) {
  const held = readSecrets(keys);
  const [first = 'has no key', ...more] = await Promise.all(
    held.map((key, at) =>
      ask([key]).catch((error: unknown) => {
        throw held.length > 1 ? ofKey(error, `key ${at + 1} of ${held.length}`) : error;
      }),
    ),
  );
  return more.length === 0 ? first : `${first}; so with each of ${held.length} keys`;
}

/** Errors that are not ours stay as they are: their text is not told. */
function ofKey(error: unknown, key: string): unknown {
  const code = codeOf(error, 'INTERNAL');
  if (code === 'INTERNAL' || !(error instanceof Error)) return error;
  return new PermanentError(code, `${error.message} It was asked with ${key}, newest first.`, {
    cause: error,
  });
}
/** As long as a process may differ from the database. */
const MAX_SKEW_MS = 5_000;

const askDatabase: Ask<NonNullable<Config['supabase']>> = async (supabase) => {
  const health = z.object({ databaseTimeMs: instantMs });
  const askedMs = Date.now();
  const { databaseTimeMs } = await createDatabase({ ...supabase, timeoutMs: 10_000 }).rpc(
    'health',
    { p_now_ms: askedMs },
    health,
  );
  const skewMs = Math.abs(databaseTimeMs - (askedMs + Date.now()) / 2);
  if (skewMs > MAX_SKEW_MS + (Date.now() - askedMs))
    throw new PermanentError('CLOCK_SKEWED', `This clock is ${Math.round(skewMs)} ms off the database's.`);
  return 'answers, and the clocks agree';
};

const askRealtime: Ask<NonNullable<Config['supabase']>> = async (supabase, signal, onCode) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const realtime = new RealtimeService({
    ...{ ...supabase, isOn: true, onFailure: ({ code }) => onCode(code) },
    onLive: () => resolve('sends changes'),
  });
  realtime.subscribeToTable({
    ...{ table: 'reconciliation_breaks', row: z.unknown(), onRow: onFailure, reread: async () => undefined },
  });
  signal.addEventListener('abort', () => void realtime.close());
  return promise.finally(() => realtime.close());
};

const askQueue = async (backend: NonNullable<Config['queue']>, strict: boolean): Promise<string> =>
  ['answers', ...(await checkQueueStore(backend, { strict }))].join('; ');

const askStripe: Ask<NonNullable<Config['stripe']>> = async ({ secretKey, apiBase, livemode }, signal) => {
  const base = apiBase === null ? null : new URL(apiBase);
  const client = createStripeClient({ secretKey, livemode, apiBase: base, timeoutMs: 10_000, onFailure });
  await createStripeBalance(client).read({ signal });
  return `shows its balance, in ${livemode ? 'live' : 'test'} mode`;
};

const askSentry: Ask<string> = async (dsn, signal) => {
  await checkDsn(dsn, signal);
  return 'takes the DSN; no report was made';
};

const askCallRail: Ask<NonNullable<Config['callLogs']['callrail']>> = (given, signal) =>
  withEach(given.apiKeys, (apiKeys) => askLog(createCallRailLog({ ...given, apiKeys, onFailure }), signal));
const askTwilio: Ask<NonNullable<Config['callLogs']['twilio']>> = (given, signal) =>
  withEach(given.authTokens, (authTokens) =>
    askLog(createTwilioLog({ ...given, authTokens, onFailure }), signal),
  );

/** Of the last minute: whether the account may be read is all that is wanted. */
async function askLog(log: CallLog, signal: AbortSignal): Promise<string> {
  const nowMs = Date.now();
  await log.readPage({ fromMs: nowMs - 60_000, beforeMs: nowMs }, null, signal);
  return 'shows its log of calls';
}

/** About an offer that nobody has: any answer but a refused key says that the key is good. */
async function askPlatform(platform: CampaignBook, signal: AbortSignal): Promise<string> {
  await platform.readOffer('0', signal).catch((error: unknown) => {
    if (isOfOne(error)) return null;
    throw error;
  });
  return 'answers, and takes the key';
}

type Probe = typeof checkTelesign;
const askLookup =
  (probe: Probe): Ask<LookupSettings> =>
  ({ keys, apiBase }, signal) =>
    withEach(keys, async ([key]) => {
      await probe(key, { apiBase, timeoutMs: 10_000, onFailure }, signal);
      return 'takes the key; nothing was looked up that costs';
    });

const askPostHog: Ask<NonNullable<Config['events']['posthog']>> = async ({ key, host }) => {
  if (!key.startsWith('phc_'))
    throw new PermanentError('CONFIG_INVALID', 'POSTHOG_KEY is no key of a project: those begin with phc_.');
  await checkPostHog({ key, host });
  return 'knows the project; no event was made';
};

const askEndpoint: Ask<{ readonly name: string; readonly url: string }> = async ({ name, url }, signal) =>
  `answers (${await checkEndpoint(`webhook-${name}`, url, signal)}); whether it takes the signature, only an event would tell`;
