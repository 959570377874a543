import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { validateEnvironment } from '../../src/config.ts';
import { isPair, readSecrets } from '../../src/config-files.ts';
import type { HmacReceiver } from '../../src/config-receivers.ts';
import { createTelesign } from '../../src/integrations/fraud/telesign.ts';
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

describe('a file that is written in place', () => {
  // A full second, which the times of files hold exactly.
  beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 }));
  afterEach(() => vi.useRealTimers());
  const read = () => readSecrets([`file:${file}`], isPair);
  const write = (text: string, atMs = Date.now()) => {
    writeFileSync(file, text);
    utimesSync(file, atMs / 1_000, atMs / 1_000);
  };

  test('is empty for a moment, in which what it held before is taken, and no delivery is refused', async () => {
    write('callrail-old\n');
    const { app } = await createTestApp({ secrets: given() });
    const statusOf = async (which: 'new' | 'old') =>
      (await post(app, signers.callrail(BODIES.callrail, { which }))).statusCode;
    expect(await statusOf('old')).toBe(202);
    write('');
    expect([await statusOf('old'), await statusOf('new')]).toEqual([202, 401]);
    write('callrail-new\ncallrail-old\n');
    expect([await statusOf('old'), await statusOf('new')]).toEqual([202, 202]);
  });

  test.each(['', ' \n', 'customer\n', 'customer:key\ncusto'])(
    'holds what is no list of such secrets (%j) for five seconds at most, however long ago it was read',
    (text) => {
      write('customer:key\n');
      read();
      vi.advanceTimersByTime(3_600_000);
      write(text);
      expect(read()).toEqual(['customer:key']);
      vi.advanceTimersByTime(5_000);
      expect(read()).toEqual(['customer:key']);
      vi.advanceTimersByTime(1);
      expect(read).toThrow('stays empty');
      write('customer:newer\n');
      expect(read()).toEqual(['customer:newer']);
      // Each time anew.
      write(text);
      expect(read()).toEqual(['customer:newer']);
    },
  );

  test('and was emptied long before it was read, is refused at once: what it held was taken back', () => {
    write('customer:key\n');
    read();
    const HOUR_MS = 3_600_000;
    write('');
    vi.advanceTimersByTime(HOUR_MS);
    expect(read).toThrow('stays empty');
    // Of a clock that is ahead.
    write('', Date.now() + HOUR_MS);
    expect(read).toThrow('stays empty');
  });

  test('and that this process never read otherwise is refused at once', () => {
    write('');
    expect(read).toThrow('is empty');
    rmSync(file);
    expect(read).toThrow();
  });

  test('keeps nothing once it is taken away', () => {
    write('customer:key\n');
    read();
    rmSync(file);
    expect(read).toThrow();
  });
});

test('with a key of Telesign that is no pair nothing is sent, also when it was a pair at the start', async () => {
  writeFileSync(file, 'a-key-without-a-customer\n');
  const told: object[] = [];
  const onFailure = (failure: object) => void told.push(failure);
  const options = { apiBase: 'http://127.0.0.1:1', onFailure };
  const asked = createTelesign({ ...options, keys: [`file:${file}`] }).lookUp(
    '+14155550123',
    new AbortController().signal,
  );
  const error = await asked.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ detail: { code: 'no_token', sent: false } });
  expect(told).toHaveLength(1);
  expect(inspect([error, told], { depth: 9 })).not.toContain('a-key-without-a-customer');
});

test('a secret of a sender of your own that is too short is not taken from a file either', async () => {
  writeFileSync(file, 'a\n');
  const { app } = await createTestApp({ secrets: given() });
  expect((await post(app, signers.hmac(BODIES.hmac))).statusCode).toBe(500);
});

test('whether it is written file: or FILE: it is a file', () => {
  writeFileSync(file, 'one\ntwo\n');
  expect(readSecrets([`FILE:${file}`, 'three'])).toEqual(['one', 'two', 'three']);
  expect(faultsOf({ POSTHOG_KEY: `File:${file}` })).toContain('POSTHOG_KEY must be the secret itself');
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
  const wrong = `${name} names a file that cannot be read, is empty, or holds what is no such secret`;
  expect(faultsOf(env)).toContain(wrong);
  writeFileSync(file, ' \n');
  expect(faultsOf(env)).toContain(wrong);
  const pair = name === 'TELESIGN_KEYS' ? 'customer:' : '';
  writeFileSync(file, `${pair}changeme\n`);
  expect(faultsOf(env)).toBe('');
  const weak = `${name} holds a value that is weak or an example`;
  expect(faultsOf({ ...env, APP_ENV: 'prod' })).toContain(weak);
  writeFileSync(file, `${pair}d41d8cd98f00b204e9800998ecf8427e\n`);
  expect(faultsOf({ ...env, APP_ENV: 'prod' })).not.toContain(`${name} `);
});

test('a start says of a file whose lines are no such secrets that they are not', () => {
  const wrong = 'holds what is no such secret';
  writeFileSync(file, 'a-key-without-a-customer\n');
  for (const name of ['TELESIGN_KEYS', 'TWILIO_LOOKUP_KEYS'])
    expect(faultsOf({ [name]: `file:${file}` })).toContain(`${name} names a file`);
  const { acme } = HMAC_EXAMPLE;
  writeFileSync(file, 'short\n');
  const env = { HMAC_RECEIVERS: JSON.stringify({ acme: { ...acme, secrets: [`file:${file}`] } }) };
  expect(faultsOf(env)).toContain(wrong);
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
