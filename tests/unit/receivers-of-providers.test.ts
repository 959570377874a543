import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type HmacReceiver,
  parseHmacReceivers,
  parsePathSecret,
  UNSIGNED_SOURCES,
} from '../../src/config-receivers.ts';
import { verifyHmacWebhook } from '../../src/integrations/webhooks/hmac.ts';
import { createTestApp, post } from '../helpers/app.ts';
import { HMAC_EXAMPLE } from '../helpers/receivers-doc.ts';
import { BODIES, NOW_MS, pathSecret, SECRETS, signers, unsigned } from '../helpers/senders.ts';

const invalid = expect.objectContaining({ code: 'SIGNATURE_INVALID' });

describe.each(UNSIGNED_SOURCES)('%s, which signs nothing', (source) => {
  const body = Buffer.from('{"anything":1}');
  const statusOf = async (change: Partial<ReturnType<typeof unsigned>>) => {
    const { app, calls } = await createTestApp();
    const { statusCode } = await post(app, { ...unsigned(source, body), ...change });
    return [statusCode, calls.length];
  };
  const old = unsigned(source, body, { which: 'old' });

  test('the pair that is new and the one that is old let a webhook in', async () => {
    expect(await statusOf({})).toEqual([202, 1]);
    expect(await statusOf(old)).toEqual([202, 1]);
  });

  test('the longest path that the configuration takes is an address that is found', async () => {
    const pair = parsePathSecret(`${'p'.repeat(128)}:${'h'.repeat(128)}`);
    expect(parsePathSecret(`${'p'.repeat(129)}:${'h'.repeat(128)}`)).toBeNull();
    const pathSecrets = { ...SECRETS.pathSecrets, [source]: [pair] };
    const { app } = await createTestApp({ secrets: { ...SECRETS, pathSecrets } });
    const url = `/webhooks/${source}/${pair?.path}`;
    const headers = { 'x-webhook-secret': pair?.header ?? '' };
    expect((await post(app, { url, body, headers })).statusCode).toBe(202);
  });

  test('no half of a pair does, nor halves of two, nor those of another provider', async () => {
    const { path, header } = pathSecret(source, 'new');
    for (const change of [
      { headers: {} },
      { headers: { 'x-webhook-secret': '' } },
      { headers: { 'x-webhook-secret': header.slice(0, -1) } },
      { headers: { 'x-webhook-secret': header.toUpperCase() } },
      { headers: { 'x-webhook-secret': `${header}, ${header}` } },
      { headers: { 'x-webhook-secret': path } },
      { headers: old.headers },
      { url: old.url },
      { url: `/webhooks/${source}/${path.slice(0, -1)}` },
      { url: `/webhooks/${source}/${header}` },
      { url: `/webhooks/${source}/guess` },
      unsigned('nobody', body),
    ])
      expect(await statusOf(change)).toEqual([change.url?.includes('nobody') ? 404 : 401, 0]);
  });

  test('the same body is one event, and a query stands for a body that is empty', async () => {
    const { app, calls } = await createTestApp();
    const good = unsigned(source, body);
    for (const sent of [body, body, Buffer.from('{"anything":2}')]) await post(app, { ...good, body: sent });
    await post(app, { ...good, url: `${good.url}?uuid=1&b=2?3`, body: Buffer.alloc(0) });
    const [first, again, other, query] = calls;
    expect(again?.eventId).toBe(first?.eventId);
    expect(other?.eventId).not.toBe(first?.eventId);
    expect(Buffer.from(query?.body ?? '', 'base64').toString()).toBe('uuid=1&b=2?3');
    expect((await post(app, { ...good, body: Buffer.alloc(0) })).statusCode).toBe(400);
  });
});

describe('a sender that the configuration describes', () => {
  const described = (change: object): HmacReceiver => {
    const parsed = parseHmacReceivers(JSON.stringify({ acme: { ...HMAC_EXAMPLE.acme, ...change } }));
    if (!('receivers' in parsed) || parsed.receivers.acme === undefined)
      throw new Error(JSON.stringify(parsed));
    return parsed.receivers.acme;
  };
  const body = Buffer.from('{"a":1}');
  const stamp = String(NOW_MS / 1_000);
  const [secret] = HMAC_EXAMPLE.acme.secrets as [string];
  const digest = createHmac('sha256', secret).update(`${stamp}.{"a":1}`).digest('hex');
  const good = { 'x-acme-signature': `sha256=${digest}`, 'x-acme-timestamp': stamp };
  const verify = (receiver: HmacReceiver, headers: Record<string, string>, sent = body) =>
    verifyHmacWebhook(sent, (name) => headers[name], receiver, NOW_MS);

  test('the example of the documentation verifies what it says, and is named by the bytes of the body, whenever it was stamped', () => {
    const eventId = createHash('sha256').update(body).digest('hex');
    expect(verify(described({}), good)).toEqual({ eventId });
  });

  test.each([
    ['body byte', good, Buffer.from('{"a":2}')],
    ['signature', { ...good, 'x-acme-signature': `sha256=${digest.replace('a', 'b').replace('1', '2')}` }],
    ['prefix', { ...good, 'x-acme-signature': digest }],
    ['stamp', { ...good, 'x-acme-timestamp': String(NOW_MS / 1_000 + 1) }],
    ['form of the stamp', { ...good, 'x-acme-timestamp': ` ${stamp}` }],
    ['presence of the stamp', { 'x-acme-signature': good['x-acme-signature'] }],
  ])('a changed %s is refused', (_what, headers, sent = body) => {
    expect(() => verify(described({}), headers as Record<string, string>, sent)).toThrow(invalid);
  });

  test('a signature of sha1 in base64 without a stamp verifies where that is described', () => {
    const receiver = described({
      ...{ algorithm: 'sha1', encoding: 'base64', prefix: '', signed: '{body}', timestampHeader: undefined },
    });
    const signature = createHmac('sha1', secret).update(body).digest('base64');
    const eventId = createHash('sha256').update(body).digest('hex');
    expect(verify(receiver, { 'x-acme-signature': signature })).toEqual({ eventId });
    expect(() => verify(receiver, { 'x-acme-signature': signature.toLowerCase() })).toThrow(invalid);
  });

  test('a description that would leave a header unsigned, or let one text be read in two ways, is refused', () => {
    for (const change of [
      { signed: '{body}' },
      { signed: '{timestamp}{body}' },
      { signed: '{timestamp}0{body}' },
      { signed: '{timestamp}.' },
      { signed: '{timestamp}.{body}{body}' },
      { signed: '{timestamp}.{id}.{body}' },
      { idHeader: 'x-id' },
      { signed: '{id}{timestamp}.{body}', idHeader: 'x-id' },
      { secrets: ['short'] },
      { secrets: [] },
      { algorithm: 'md5' },
      { toleranceS: 0 },
      { only: { field: 'event', values: [''] } },
      { fields: { ...HMAC_EXAMPLE.acme.fields, alwaysCurrency: undefined } },
      { fields: { ...HMAC_EXAMPLE.acme.fields, alwaysCurrency: 'xyz' } },
      { fields: { ...HMAC_EXAMPLE.acme.fields, unknown: 'x' } },
      { more: true },
    ])
      expect(() => described(change), JSON.stringify(change)).toThrow('wrongAt');
    for (const source of ['stripe', 'callrail', 'ringba', 'Acme', 'a/b', ''])
      expect(parseHmacReceivers(`{"${source}":${JSON.stringify(HMAC_EXAMPLE.acme)}}`)).toHaveProperty(
        'wrongAt',
      );
  });

  test('an id that is signed names the event, and what `only` leaves out is accepted and dropped', async () => {
    const { app, calls } = await createTestApp();
    await post(app, signers.hmac(BODIES.hmac));
    const other = Buffer.from(BODIES.hmac.toString().replace('call.ended', 'call.began'));
    expect((await post(app, signers.hmac(other))).statusCode).toBe(202);
    expect(calls).toEqual([expect.objectContaining({ source: 'own', kind: 'call.ended', eventId: 'own_1' })]);
  });

  test.each([
    ['"call.ended"', 'call.ended'],
    ['true', 'true'],
    ['7', '7'],
    // What our own reading of a log is called, which says that the call came by no webhook.
    ['"call_log"', 'report'],
    ['"call.began"', null],
    ['false', null],
    ['8', null],
    ['null', 'unread'],
    ['{"a":1}', 'unread'],
    ['["call.ended"]', 'unread'],
    ['{"toString":null}', 'unread'],
  ])(
    'where `only` is to tell by %s, it is %s, and nothing is dropped for what it cannot tell',
    async (json, kind) => {
      const only = { field: 'event', values: ['call.ended', 'true', '7', 'call_log'] };
      const own = { ...SECRETS.hmacReceivers.own, only } as HmacReceiver;
      const { app, calls } = await createTestApp({ secrets: { ...SECRETS, hmacReceivers: { own } } });
      const body = Buffer.from(BODIES.hmac.toString().replace('"call.ended"', json));
      expect((await post(app, signers.hmac(body))).statusCode).toBe(202);
      expect(calls.map((call) => call.kind)).toEqual(kind === null ? [] : [kind]);
    },
  );
});

describe('Stripe', () => {
  test('the endpoint of connected accounts refuses an event of the platform, also a signed one', async () => {
    const { app, stripeEvents } = await createTestApp();
    const answer = await post(app, signers.stripeConnect(BODIES.stripe));
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'BODY_MALFORMED']);
    expect(stripeEvents).toEqual([]);
  });

  test('both endpoints take thin events, which name their account as context', async () => {
    const { app, stripeEvents } = await createTestApp();
    const thin = {
      ...{ object: 'v2.core.event', id: 'evt_2', type: 'v2.core.account.updated', context: 'acct_1' },
      ...{ created: new Date(NOW_MS).toISOString(), livemode: false, related_object: { id: 'acct_1' } },
    };
    for (const sender of ['stripe', 'stripeConnect'] as const)
      expect((await post(app, signers[sender](Buffer.from(JSON.stringify(thin))))).statusCode).toBe(202);
    expect(stripeEvents).toEqual(
      [1, 2].map(() => expect.objectContaining({ account: 'acct_1', eventId: 'evt_2' })),
    );
  });
});
