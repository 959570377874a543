import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { validateEnvironment } from '../../src/config.ts';
import type { HmacReceiver } from '../../src/config-receivers.ts';
import { createTestApp, post } from '../helpers/app.ts';
import { HMAC_EXAMPLE } from '../helpers/receivers-doc.ts';
import { BODIES, SECRETS, SENDERS, signers } from '../helpers/senders.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callclear-secrets-'));
  file = join(folder, 'secrets');
});
afterEach(() => rmSync(folder, { recursive: true }));

const own = SECRETS.hmacReceivers.own as HmacReceiver;
const given = () => {
  const held = [`file:${file}`];
  return {
    ...SECRETS,
    ...{ stripeWebhookSecrets: held, stripeConnectWebhookSecrets: held, callRailSigningKeys: held },
    ...{ twilioSigningTokens: held, hmacReceivers: { own: { ...own, secrets: held } } },
  };
};
const NAMED = {
  callrail: 'callrail',
  twilio: 'twilio',
  stripe: 'whsec_stripe',
  stripeConnect: 'whsec_connect',
  hmac: 'hmac',
} as const;
type Held = keyof typeof NAMED;
const held = SENDERS.filter((sender): sender is Held => Object.hasOwn(NAMED, sender));
const secretOf = (sender: Held, which: string) =>
  `${NAMED[sender]}-${which}${sender === 'hmac' ? '-plainly-fake' : ''}`;

test.each(held)('secrets of %s that stand in a file are changed without a restart', async (sender) => {
  const { app } = await createTestApp({ secrets: given() });
  const statusOf = async (which: 'new' | 'old') =>
    (await post(app, signers[sender](BODIES[sender], { which }))).statusCode;
  writeFileSync(file, `${secretOf(sender, 'old')}\n`);
  expect([200, 202]).toContain(await statusOf('old'));
  expect(await statusOf('new')).toBe(401);
  writeFileSync(file, `${secretOf(sender, 'new')}\n${secretOf(sender, 'old')}\n`);
  for (const which of ['new', 'old'] as const) expect([200, 202]).toContain(await statusOf(which));
  writeFileSync(file, `${secretOf(sender, 'new')}\n`);
  expect(await statusOf('old')).toBe(401);
  rmSync(file);
  // A sender comes again after it: for want of a file no delivery is refused for good.
  expect(await statusOf('new')).toBe(500);
});

test('the path of a file is no secret: what is signed by it is refused', async () => {
  writeFileSync(file, 'callrail-new\n');
  const { app } = await createTestApp({ secrets: given() });
  const forged = signers.callrail(BODIES.callrail);
  const signature = createHmac('sha1', `file:${file}`).update(BODIES.callrail).digest('base64');
  expect((await post(app, { ...forged, headers: { signature } })).statusCode).toBe(401);
});

test('passwords of ops may stand in a file; without it nobody gets in, also not by its path', async () => {
  writeFileSync(file, 'a-password-of-now\n');
  const { app } = await createTestApp({ opsPasswords: [`file:${file}`] });
  const statusOf = async (password: string) => {
    const authorization = `Basic ${Buffer.from(`ops:${password}`).toString('base64')}`;
    return (await app.inject({ url: '/metrics', headers: { authorization } })).statusCode;
  };
  expect([await statusOf('a-password-of-now'), await statusOf(`file:${file}`)]).toEqual([200, 401]);
  rmSync(file);
  expect(await statusOf('a-password-of-now')).toBe(401);
});

const faultsOf = (env: Record<string, string>): string => {
  try {
    validateEnvironment(env);
    return '';
  } catch (error) {
    return String(error);
  }
};
const LISTS = ['CALLRAIL_SIGNING_KEYS', 'STRIPE_WEBHOOK_SECRETS', 'OPS_PASSWORDS', 'TELESIGN_KEYS'];

test.each(LISTS)('a start says of %s when its file is not there, empty, or weak in prod', (name) => {
  const env = { [name]: `file:${file}` };
  const wrong = `${name} names a file that cannot be read, or that is empty`;
  expect(faultsOf(env)).toContain(wrong);
  writeFileSync(file, ' \n');
  expect(faultsOf(env)).toContain(wrong);
  writeFileSync(file, 'changeme\n');
  expect(faultsOf(env)).toBe('');
  const weak = `${name} holds a value that is weak or an example`;
  expect(faultsOf({ ...env, APP_ENV: 'prod' })).toContain(weak);
  writeFileSync(file, 'd41d8cd98f00b204e9800998ecf8427e\n');
  expect(faultsOf({ ...env, APP_ENV: 'prod' })).not.toContain(`${name} `);
});

test('a start checks the files of senders of your own too', () => {
  const { acme } = HMAC_EXAMPLE;
  const env = { HMAC_RECEIVERS: JSON.stringify({ acme: { ...acme, secrets: [`file:${file}`] } }) };
  expect(faultsOf(env)).toContain('HMAC_RECEIVERS names a file');
  writeFileSync(file, 'd41d8cd98f00b204e9800998ecf8427e\n');
  expect(faultsOf(env)).toBe('');
});

test.each([
  ['SUPABASE_SECRET_KEY', 'must be the secret itself'],
  ['POSTHOG_KEY', 'must be the secret itself'],
  ['STRIPE_SECRET_KEY', 'must be a key that begins with'],
  ['CALL_WEBHOOK_SECRETS', 'must be a comma list of source='],
  ['RINGBA_WEBHOOK_SECRETS', 'must be a comma list of pairs path:header'],
  ['EVENT_WEBHOOK_SECRETS', 'must be a comma list of source='],
  ['BODY_KEYS', 'must be a comma list of base64'],
])('%s takes no file, and says so', (name, wanted) => {
  writeFileSync(file, 'd41d8cd98f00b204e9800998ecf8427e\n');
  expect(faultsOf({ [name]: `file:${file}` })).toContain(`${name} ${wanted}`);
});
