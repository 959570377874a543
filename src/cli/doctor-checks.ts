import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { isOfOne, PermanentError } from '../errors.ts';
import { createCallRailLog } from '../integrations/call-tracking/callrail-log.ts';
import type { CallLog } from '../integrations/call-tracking/log.ts';
import { createTwilioLog } from '../integrations/call-tracking/twilio-log.ts';
import { createEverflow } from '../integrations/campaigns/everflow.ts';
import type { CampaignBook } from '../integrations/campaigns/offer.ts';
import { createRingba } from '../integrations/campaigns/ringba.ts';
import { createTune } from '../integrations/campaigns/tune.ts';
import { createStripeBalance } from '../integrations/stripe/balance.ts';
import { createStripeClient } from '../integrations/stripe/client.ts';
import { createDatabase } from '../integrations/supabase/client.ts';
import { RealtimeService } from '../integrations/supabase/realtime.ts';
import { instantMs } from '../integrations/supabase/rpc.ts';
import { checkQueueStore } from '../queues/store-check.ts';

/** Asks a configured integration something harmless. Returns what it found; throws when it is not in order. */
type Ask<Settings> = (settings: Settings, signal: AbortSignal) => Promise<string>;

export interface Check {
  readonly name: string;
  /** Null is an integration that is not configured. */
  readonly ask: ((signal: AbortSignal) => Promise<string>) | null;
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
      'Where the project has no realtime server, set SUPABASE_REALTIME=off: everything is polled then.',
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
    ...Object.entries(lookups).map(([name, given]) => check(`lookup-${name}`, given, askNothing, '')),
    check(
      'posthog',
      events.posthog,
      askPostHog,
      'See POSTHOG_HOST, and POSTHOG_KEY: it is the key of a project, phc_....',
    ),
    ...events.webhooks.map(({ name, url }) =>
      check(
        `webhook-${name}`,
        url,
        reach,
        'See its address in EVENT_WEBHOOK_URLS; else its owner must mend it.',
      ),
    ),
  ];
}

const platformsOf = ({ ringba, everflow, tune }: Config['campaigns']): Check[] => [
  check(
    'ringba',
    ringba,
    (given, signal) => askPlatform(createRingba({ ...given, onFailure }), signal),
    'See RINGBA_ACCOUNT_ID and RINGBA_API_TOKENS: the token must be of that account.',
  ),
  check(
    'everflow',
    everflow,
    (given, signal) => askPlatform(createEverflow({ ...given, onFailure }), signal),
    'See EVERFLOW_API_KEYS, which are of a network, and EVERFLOW_REGION.',
  ),
  check(
    'tune',
    tune,
    (given, signal) => askPlatform(createTune({ ...given, onFailure }), signal),
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
  ask: settings === null ? null : (signal) => ask(settings, signal),
});

const onFailure = () => undefined;
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

const askRealtime: Ask<NonNullable<Config['supabase']>> = async (supabase, signal) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const realtime = new RealtimeService({
    ...{ ...supabase, isOn: true, onFailure },
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

/** Is sent nothing: a report would be seen by people. */
const askSentry: Ask<string> = async (dsn) => {
  const { username, hostname, pathname } = new URL(dsn);
  const project = pathname.slice(pathname.lastIndexOf('/') + 1);
  if (username !== '' && project !== '' && Number.isInteger(Number(project)))
    return `would report to ${hostname}; nothing was sent`;
  throw new PermanentError(
    'CONFIG_INVALID',
    'SENTRY_DSN is not https://<key>@<host>/<number of the project>.',
  );
};

const askCallRail: Ask<NonNullable<Config['callLogs']['callrail']>> = (given, signal) =>
  askLog(createCallRailLog({ ...given, onFailure }), signal);
const askTwilio: Ask<NonNullable<Config['callLogs']['twilio']>> = (given, signal) =>
  askLog(createTwilioLog({ ...given, onFailure }), signal);

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

const askNothing: Ask<unknown> = async () => 'has a key; it was not asked, because each question costs';

const askPostHog: Ask<NonNullable<Config['events']['posthog']>> = async ({ key, host }, signal) => {
  if (!key.startsWith('phc_'))
    throw new PermanentError('CONFIG_INVALID', 'POSTHOG_KEY is no key of a project: those begin with phc_.');
  return `${await reach(host, signal)}; only an event would tell whether it takes the key`;
};

/** Opens a connection, with TLS and its certificate, and says nothing. */
async function reach(address: string, signal: AbortSignal): Promise<string> {
  const { protocol, hostname, port } = new URL(address);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const isPlain = protocol === 'http:';
  const at = { host, port: Number(port) || (isPlain ? 80 : 443) };
  const socket = isPlain ? connect(at) : connectTls({ ...at, servername: host });
  try {
    await once(socket, isPlain ? 'connect' : 'secureConnect', { signal });
    return 'can be reached';
  } finally {
    socket.destroy();
  }
}
