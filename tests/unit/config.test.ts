import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { validateEnvironment } from '../../src/config.ts';
import { VARIABLES } from '../../src/config-variables.ts';
import { PermanentError } from '../../src/errors.ts';
import { renderEnvExample } from '../helpers/env-example.ts';
import { HMAC_EXAMPLE } from '../helpers/receivers-doc.ts';

// Made of parts so that no scanner takes them for real ones.
const key = (fill: string) => Buffer.from(fill.repeat(32).slice(0, 32)).toString('base64');
const live = `sk_live_${'Zq7Rk2Wm9Xc4'.repeat(2)}`;
const sandbox = live.replace('live', 'test');

const PROD = {
  APP_ENV: 'prod',
  SUPABASE_URL: 'https://abc.supabase.co',
  SUPABASE_SECRET_KEY: `sb_${'u7Yt5Re3Wq1'.repeat(3)}`,
  REDIS_URL: 'rediss://default:u7Yt5Re3Wq1@queue.internal:6380',
  STRIPE_SECRET_KEY: live,
  STRIPE_WEBHOOK_SECRETS: `whsec_${'n6Bv4Cx2Zl0'.repeat(3)}`,
  CALLRAIL_SIGNING_KEYS: 'd41d8cd98f00b204e9800998ecf8427e',
  CALL_WEBHOOK_SECRETS: `acme=whsec_${key('q1W2e3')}|whsec_${key('r4T5y6')}`,
  BODY_KEYS: `${key('a9S8d7')},${key('f6G5h4')}`,
  OPS_PASSWORDS: 'correct-horse-battery-staple,4-other-Words-here!',
};

/** The faults of an environment, one a line; empty when there are none. */
function faultsOf(env: Record<string, string>): string {
  try {
    validateEnvironment(env);
    return '';
  } catch (error) {
    if (error instanceof PermanentError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
}

test('.env.example is exactly what the schema says', () => {
  expect(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')).toBe(renderEnvExample());
});

test('.env.example loads in dev as it is and leaves everything embedded', () => {
  const env = Object.fromEntries(Object.entries(VARIABLES).map(([name, { example }]) => [name, example]));
  expect(validateEnvironment(env).embedded).toEqual({ database: true, queue: true, stripe: true });
});

test('nothing set is dev with every part embedded', () => {
  expect(validateEnvironment({})).toMatchObject({
    env: 'dev',
    host: '127.0.0.1',
    port: 8080,
    logLevel: 'info',
    exchangeTimezone: 'UTC',
    supabase: null,
    queue: null,
    stripe: null,
    shutdownDeadlineMs: 25_000,
    startDeadlineMs: 60_000,
    embedded: { database: true, queue: true, stripe: true },
  });
});

test('a whole prod environment loads, frozen to its leaves', () => {
  const config = validateEnvironment(PROD);
  expect(config).toMatchObject({
    env: 'prod',
    queue: { kind: 'redis', url: PROD.REDIS_URL },
    stripe: { livemode: true, apiBase: null },
    callWebhookSecrets: { acme: PROD.CALL_WEBHOOK_SECRETS.slice('acme='.length).split('|') },
    embedded: { database: false, queue: false, stripe: false },
  });
  expect(config.bodyKeys.map((bodyKey) => bodyKey.length)).toEqual([32, 32]);
  const thaw = (value: unknown): string[] =>
    typeof value !== 'object' || value === null || Buffer.isBuffer(value)
      ? []
      : [...(Object.isFrozen(value) ? [] : [JSON.stringify(value)]), ...Object.values(value).flatMap(thaw)];
  expect(thaw(config)).toEqual([]);
});

test('all faults are told together, each with its variable and what it is for', () => {
  const message = faultsOf({ APP_ENV: 'staging', PORT: 'http', EXCHANGE_TIMEZONE: 'Mars/Olympus' });
  const required = ['SUPABASE_URL', 'SUPABASE_SECRET_KEY', 'STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRETS'];
  for (const name of [...required, 'REDIS_URL', 'CALL_WEBHOOK_SECRETS', 'BODY_KEYS', 'OPS_PASSWORDS', 'PORT'])
    expect(message).toContain(`\n  ${name} `);
  expect(message).toContain(
    `EXCHANGE_TIMEZONE must be the IANA name of a time zone (${VARIABLES.EXCHANGE_TIMEZONE.purpose})`,
  );
  expect(message.split('\n')).toHaveLength(11);
});

test('no fault prints the value of any variable', () => {
  for (const name of Object.keys(VARIABLES)) {
    const canary = `canary-${name.toLowerCase()}`;
    for (const APP_ENV of ['dev', 'staging', 'prod'])
      expect(faultsOf({ ...PROD, APP_ENV, QUEUE_DATABASE_URL: canary, [name]: canary })).not.toContain(
        'canary-',
      );
  }
  for (const value of Object.values(PROD))
    if (value.length > 10) expect(faultsOf({ ...PROD, PORT: 'x' })).not.toContain(value);
});

test.each([
  ['both queues', { QUEUE_DATABASE_URL: 'postgres://queue.internal/jobs' }, 'QUEUE_DATABASE_URL'],
  ['a test key', { STRIPE_SECRET_KEY: sandbox }, 'STRIPE_SECRET_KEY'],
  ['a publishable key', { STRIPE_SECRET_KEY: live.replace('sk', 'pk') }, 'STRIPE_SECRET_KEY'],
  ['another address of Stripe', { STRIPE_API_BASE: 'https://elsewhere.internal' }, 'STRIPE_API_BASE'],
  ['a short password', { OPS_PASSWORDS: 'correct-horse-battery-staple,hunter2' }, 'OPS_PASSWORDS'],
  ['a password of one letter', { OPS_PASSWORDS: 'a'.repeat(40) }, 'OPS_PASSWORDS'],
  ['the example of a password', { OPS_PASSWORDS: VARIABLES.OPS_PASSWORDS.example }, 'OPS_PASSWORDS'],
  ['the example of a body key', { BODY_KEYS: VARIABLES.BODY_KEYS.example }, 'BODY_KEYS'],
  [
    'the example beside a good body key',
    { BODY_KEYS: `${PROD.BODY_KEYS},${VARIABLES.BODY_KEYS.example}` },
    'BODY_KEYS',
  ],
  ['a body key of 16 bytes', { BODY_KEYS: Buffer.alloc(16, 'k3').toString('base64') }, 'BODY_KEYS'],
  [
    'the example of a sender',
    { CALL_WEBHOOK_SECRETS: VARIABLES.CALL_WEBHOOK_SECRETS.example },
    'CALL_WEBHOOK_SECRETS',
  ],
  [
    'a sender that is called stripe',
    { CALL_WEBHOOK_SECRETS: `stripe=whsec_${key('q1W2e3')}` },
    'CALL_WEBHOOK_SECRETS',
  ],
  [
    'a public key of 31 bytes',
    { CALL_WEBHOOK_SECRETS: `acme=whpk_${key('q1').slice(0, 40)}==` },
    'CALL_WEBHOOK_SECRETS',
  ],
  [
    'a sender that is called ringba',
    { CALL_WEBHOOK_SECRETS: `ringba=whsec_${key('q1W2e3')}` },
    'CALL_WEBHOOK_SECRETS',
  ],
  [
    'tokens of Twilio without the address that it signs',
    { TWILIO_SIGNING_TOKENS: 'q1W2e3r4T5y6u7I8' },
    'PUBLIC_URL',
  ],
  [
    'a path that is short',
    { RINGBA_WEBHOOK_SECRETS: `short:${'q1W2e3r4'.repeat(4)}` },
    'RINGBA_WEBHOOK_SECRETS',
  ],
  [
    'a pair of one secret',
    { RINGBA_WEBHOOK_SECRETS: `${'q1W2e3r4'.repeat(4)}:${'q1W2e3r4'.repeat(4)}` },
    'RINGBA_WEBHOOK_SECRETS',
  ],
  [
    'the example of a sender of your own',
    { HMAC_RECEIVERS: JSON.stringify({ own: HMAC_EXAMPLE.acme }) },
    'HMAC_RECEIVERS',
  ],
  ['a sender of your own that is no JSON', { HMAC_RECEIVERS: '{' }, 'HMAC_RECEIVERS'],
  [
    'a sender of your own that is also one of Standard Webhooks',
    { HMAC_RECEIVERS: JSON.stringify({ acme: { ...HMAC_EXAMPLE.acme, secrets: ['q1W2e3r4T5y6u7I8o9'] } }) },
    'HMAC_RECEIVERS',
  ],
  ['a secret that is not base64', { CALL_WEBHOOK_SECRETS: 'acme=whsec_!!!' }, 'CALL_WEBHOOK_SECRETS'],
  ['a sender without secrets', { CALL_WEBHOOK_SECRETS: 'acme' }, 'CALL_WEBHOOK_SECRETS'],
  ['an offset as time zone', { EXCHANGE_TIMEZONE: '+02:00' }, 'EXCHANGE_TIMEZONE'],
  ['a proxy that is no address', { TRUST_PROXY: '10.0.0.0/99' }, 'TRUST_PROXY'],
  ['a port out of range', { PORT: '70000' }, 'PORT'],
])('prod refuses %s and names that variable alone', (_what, change, name) => {
  const lines = faultsOf({ ...PROD, ...change })
    .split('\n')
    .slice(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.startsWith(`  ${name} `)).toBe(true);
});

test.each(['dev', 'staging'])('a live key of Stripe is refused in %s', (APP_ENV) => {
  expect(faultsOf({ ...PROD, APP_ENV })).toContain('STRIPE_SECRET_KEY is a live key');
});

test('an empty variable counts as missing', () => {
  expect(faultsOf({ ...PROD, BODY_KEYS: ' ' })).toContain('BODY_KEYS is missing');
});

test('dev refuses half of a database', () => {
  expect(faultsOf({ SUPABASE_URL: PROD.SUPABASE_URL })).toContain('SUPABASE_SECRET_KEY is missing');
  expect(faultsOf({ SUPABASE_SECRET_KEY: PROD.SUPABASE_SECRET_KEY })).toContain('SUPABASE_URL is missing');
});

test('a sender that stands twice keeps all of its secrets', () => {
  const [first, second] = [`whsec_${key('q1W2e3')}`, `whsec_${key('r4T5y6')}`];
  const config = validateEnvironment({
    CALL_WEBHOOK_SECRETS: `acme=${first},constructor=${first},acme=${second}`,
  });
  expect(config.callWebhookSecrets).toEqual({ acme: [first, second], constructor: [first] });
});

test('a log of calls is read where both account and key are given, and one alone is a fault', () => {
  expect(validateEnvironment({}).callLogs).toEqual({ callrail: null, twilio: null, ringba: null });
  const { callLogs } = validateEnvironment({
    ...{ CALLRAIL_ACCOUNT_ID: 'ACC1', CALLRAIL_API_KEYS: 'new,old' },
    ...{ TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKENS: 'SK1:secret', TWILIO_SOURCE: 'twilio-east' },
  });
  expect(callLogs.callrail).toMatchObject({ accountId: 'ACC1', apiKeys: ['new', 'old'] });
  expect(callLogs.twilio).toMatchObject({ source: 'twilio-east', authTokens: ['SK1:secret'] });
  expect(faultsOf({ CALLRAIL_ACCOUNT_ID: 'ACC1' })).toContain('CALLRAIL_API_KEYS is missing');
  expect(faultsOf({ TWILIO_AUTH_TOKENS: 'x' })).toContain('TWILIO_ACCOUNT_SID is missing');
  expect(faultsOf({ TWILIO_SOURCE: 'Not A Source' })).toContain('TWILIO_SOURCE must be lower-case');
});

test('platforms of campaigns are asked where their accounts are given; Ringba has one for campaigns and calls', () => {
  expect(validateEnvironment({}).campaigns).toEqual({ ringba: null, everflow: null, tune: null });
  const { campaigns, callLogs } = validateEnvironment({
    ...{ RINGBA_ACCOUNT_ID: 'RA1', RINGBA_API_TOKENS: 'new,old', EVERFLOW_API_KEYS: 'key' },
    ...{ EVERFLOW_REGION: 'eu', TUNE_NETWORK_ID: 'net', TUNE_NETWORK_TOKENS: 'token' },
  });
  expect(campaigns.ringba).toMatchObject({ accountId: 'RA1', apiTokens: ['new', 'old'] });
  expect(callLogs.ringba).toEqual(campaigns.ringba);
  expect(campaigns.everflow?.apiBase).toBe('https://api-eu.eflow.team');
  expect(campaigns.tune?.apiBase).toBe('https://net.api.hasoffers.com');
  expect(faultsOf({ RINGBA_ACCOUNT_ID: 'RA1' })).toContain('RINGBA_API_TOKENS is missing');
  expect(faultsOf({ TUNE_NETWORK_TOKENS: 'x' })).toContain('TUNE_NETWORK_ID is missing');
  expect(faultsOf({ TUNE_NETWORK_ID: 'evil.example/' })).toContain('TUNE_NETWORK_ID must be letters');
});

test('numbers are looked up where keys are given, pairs where a provider wants a name beside the key', () => {
  expect(validateEnvironment({}).lookups).toEqual({ ipqualityscore: null, twilio: null, telesign: null });
  const { lookups } = validateEnvironment({
    ...{ IPQUALITYSCORE_KEYS: 'new,old', TWILIO_LOOKUP_KEYS: 'SK1:secret', TELESIGN_KEYS: 'id:a+b/c==' },
  });
  expect(lookups.ipqualityscore?.keys).toEqual(['new', 'old']);
  expect(lookups.twilio).toMatchObject({ keys: ['SK1:secret'], apiBase: 'https://lookups.twilio.com' });
  expect(lookups.telesign?.keys).toEqual(['id:a+b/c==']);
  for (const value of ['secret', ':secret', 'SK1:'])
    expect(faultsOf({ TWILIO_LOOKUP_KEYS: value })).toContain(
      'TWILIO_LOOKUP_KEYS must be a comma list of pairs',
    );
});

test('one kind of sender of calls is enough, whichever it is', () => {
  const { CALLRAIL_SIGNING_KEYS: _keys, CALL_WEBHOOK_SECRETS: _secrets, ...env } = PROD;
  expect(faultsOf(env)).toContain('CALL_WEBHOOK_SECRETS is missing');
  const pair = `${'q1W2e3r4'.repeat(4)}:${'t5Y6u7I8'.repeat(4)}`;
  for (const source of ['RINGBA', 'RETREAVER', 'TRACKDRIVE', 'INVOCA', 'CONVOSO'])
    expect(faultsOf({ ...env, [`${source}_WEBHOOK_SECRETS`]: pair })).toBe('');
  const described = { own: { ...HMAC_EXAMPLE.acme, secrets: ['q1W2e3r4T5y6u7I8o9'] } };
  expect(faultsOf({ ...env, HMAC_RECEIVERS: JSON.stringify(described) })).toBe('');
});

test('a fault of a sender of your own is told by the names of its settings', () => {
  const { acme } = HMAC_EXAMPLE;
  const wrong = { acme: { ...acme, encoding: 'canary', fields: { ...acme.fields, callId: 7 } } };
  const faults = faultsOf({ HMAC_RECEIVERS: JSON.stringify(wrong) });
  expect(faults).toContain('acme.encoding, acme.fields.callId');
  expect(faults).not.toContain('canary');
});

test('endpoints of events are https, each with a secret of its own', () => {
  const secret = `whsec_${key('q1W2e3')}`;
  const of = (urls: string, secrets = `one=${secret}`) => ({
    EVENT_WEBHOOK_URLS: urls,
    EVENT_WEBHOOK_SECRETS: secrets,
  });
  const url = 'https://hooks.partner.test/callclear?for=us';
  expect(validateEnvironment({ ...PROD, ...of(`one=${url}`) }).events).toEqual({
    posthog: null,
    webhooks: [{ name: 'one', url, secrets: [secret] }],
  });
  expect(validateEnvironment(of('one=http://127.0.0.1:8080/')).events.webhooks).toHaveLength(1);
  expect(faultsOf({ ...PROD, ...of('one=http://127.0.0.1:8080/') })).toContain('plain http');
  for (const bad of [
    'one=http://hooks.partner.test/',
    `one=https://${'user:word'}@partner.test/`,
    'one=ftp://partner.test/',
    'One=https://partner.test/',
    'https://partner.test/',
  ])
    expect(faultsOf(of(bad)), bad).toContain('EVENT_WEBHOOK_URLS');
  expect(faultsOf(of(`one=${url}`, ''))).toContain('lacks the secrets');
  expect(faultsOf(of('', `one=${secret}`))).toContain('lacks the address');
  const publicKey = `whpk_${key('q1W2e3')}`;
  expect(faultsOf(of(`one=${url}`, `one=${publicKey}`))).toContain('public key');
  expect(faultsOf(of(`one=${url},one=${url}`))).toContain('twice');
});
