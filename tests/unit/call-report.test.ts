import { expect, test } from 'vitest';
import { parseCallReport as parse } from '../../src/integrations/call-tracking/parse.ts';
import { CALLRAIL_VECTOR } from '../helpers/callrail-vector.ts';
import { HOSTILE_BODIES, STANDARD_BODY } from '../helpers/hostile-bodies.ts';

const malformed = expect.objectContaining({ name: 'PermanentError', code: 'BODY_MALFORMED' });
const bytes = (body: unknown) => Buffer.from(JSON.stringify(body));

const RECEIVED_MS = Date.UTC(2026, 2, 8, 13);
const parseCallReport = (source: string, body: Uint8Array, kind = 'post_call') =>
  parse({ source, kind, body, receivedAtMs: RECEIVED_MS });
const callRailBody = JSON.parse(CALLRAIL_VECTOR.body) as Record<string, unknown>;
const readCallRail = (change: Record<string, unknown>) =>
  parseCallReport('callrail', bytes({ ...callRailBody, ...change }));
const readStandard = (change: Record<string, unknown>) =>
  parseCallReport('acme', bytes({ ...STANDARD_BODY, data: { ...STANDARD_BODY.data, ...change } }));

const PLAIN = {
  externalId: 'call-1',
  trackingNumber: '+14045558514',
  callerNumber: '+12148654559',
  startedAtMs: Date.UTC(2026, 2, 8, 12, 0),
  durationS: 93,
  answered: true,
  factsAtMs: Date.UTC(2026, 2, 8, 12, 5),
};

test("CallRail's published body becomes a report", () => {
  expect(parseCallReport('callrail', Buffer.from(CALLRAIL_VECTOR.body))).toEqual({
    externalId: '766970532',
    trackingNumber: '+14045558514',
    callerNumber: '+12148654559',
    startedAtMs: Date.UTC(2018, 1, 19, 18, 41, 0, 236),
    durationS: 13,
    answered: false,
    callerRegion: 'US-PA',
    factsAtMs: Date.UTC(2018, 1, 19, 18, 41, 13, 236),
  });
});

test('our own body becomes a report', () => {
  expect(readStandard({})).toEqual(PLAIN);
});

test('our own body may state where the caller is, how its number is attested, and its line; what it states otherwise is left out', () => {
  const stated = { caller_region: 'us-tx', attestation: 'B', line_type: 'voip' };
  expect(readStandard(stated)).toEqual({
    ...PLAIN,
    callerRegion: 'US-TX',
    attestation: 'B',
    lineType: 'voip',
  });
  expect(readStandard({ caller_region: 'Texas', attestation: 'D', line_type: 7 })).toEqual(PLAIN);
});

test('our own body may state the revenue of the call, in whole minor units of a currency', () => {
  expect(readStandard({ revenue: { amount_minor: 0, currency: 'USD' } })).toEqual({
    ...PLAIN,
    revenue: { amountMinor: 0, currency: 'usd' },
  });
  expect(readStandard({ revenue: null })).toEqual(PLAIN);
  for (const revenue of [
    12,
    {},
    { amount_minor: -1, currency: 'usd' },
    { amount_minor: 1.5, currency: 'usd' },
    { amount_minor: 2 ** 53, currency: 'usd' },
    { amount_minor: '5', currency: 'usd' },
    { amount_minor: 5 },
    { amount_minor: 5, currency: 'us' },
    { amount_minor: 5, currency: 'u$d' },
  ])
    expect(() => readStandard({ revenue })).toThrow(malformed);
});

test("CallRail's resource id goes before the numeric one", () => {
  expect(readCallRail({ resource_id: 'CAL8154748ae6bd4e278a7cddd38a662f4f' }).externalId).toBe(
    'CAL8154748ae6bd4e278a7cddd38a662f4f',
  );
  expect(readCallRail({ resource_id: null, id: '766970532' }).externalId).toBe('766970532');
});

test('a numeric id that could stand for two calls is refused', () => {
  for (const id of [2 ** 53, -1, 0, 1.5, null, undefined, true, {}])
    expect(() => readCallRail({ id })).toThrow(malformed);
  const rounded = CALLRAIL_VECTOR.body.replace('"id":766970532', '"id":9007199254740993');
  expect(() => parseCallReport('callrail', Buffer.from(rounded))).toThrow(malformed);
});

test('a duration of CallRail is text in plain digits', () => {
  expect(readCallRail({ duration: '0' }).durationS).toBe(0);
  for (const duration of [
    '',
    ' 13',
    '13 ',
    '1e3',
    '-1',
    '+1',
    '0x1f',
    '1.5',
    '١٣',
    '9999999',
    '1'.repeat(400),
    13,
    null,
  ])
    expect(() => readCallRail({ duration })).toThrow(malformed);
});

test('an outbound call is refused: nobody owes for it', () => {
  expect(() => readCallRail({ direction: 'outbound' })).toThrow(malformed);
});

test('an anonymous caller is null, whatever word or keypad spelling stands for it', () => {
  for (const caller_number of [
    null,
    undefined,
    '',
    ' ',
    'Anonymous',
    'RESTRICTED',
    'unknown',
    '+266696687',
    '+86282452253',
    '+7 (378) 742-833',
    '7378742833',
  ])
    expect(readStandard({ caller_number }).callerNumber).toBeNull();
});

test('a caller’s number is one number however it is written, of the USA where it names no country', () => {
  const read = (caller_number: string) => readStandard({ caller_number }).callerNumber;
  for (const text of ['(214) 865-4559', '2148654559', '1-214-865-4559', '+1 (214) 865-4559', ' +12148654559'])
    expect(read(text)).toBe('+12148654559');
  expect(readCallRail({ customer_phone_number: '214-865-4559' }).callerNumber).toBe('+12148654559');
  expect(read('+44 20 7183 8750')).toBe('+442071838750');
  // One digit more than the plan of its country has.
  expect(read('+52 1 55 1234 5678')).toBe('+5215512345678');
  for (const none of ['sip:alice@example.com', '12', '+1']) expect(read(none)).toBe(none);
});

test.each(['[tag:InboundNumber:Number]', '{{caller}}'])(
  'a report that holds %s in place of the caller is refused',
  (token) => {
    expect(() => readStandard({ caller_number: token })).toThrow('is a token that nobody filled in');
  },
);

test('facts are never older than the end of the call', () => {
  const early = readCallRail({ duration: '600' });
  expect(early.factsAtMs).toBe(early.startedAtMs + 600_000);
  expect(readCallRail({ timestamp: '2018-02-19T14:00:00-05:00' }).factsAtMs).toBe(
    Date.UTC(2018, 1, 19, 19, 0),
  );
});

test('a correction of CallRail is of its receipt at the earliest, so that it may make a call shorter', () => {
  const body = bytes({ ...callRailBody, duration: '3' });
  expect(parseCallReport('callrail', body, 'call_modified').factsAtMs).toBe(RECEIVED_MS);
  expect(parseCallReport('callrail', body, 'post_call').factsAtMs).toBeLessThan(RECEIVED_MS);
});

test('a fault names its fields and what is wrong with them, and none of their values', () => {
  const read = () =>
    readStandard({ caller_number: '+1214\n8654559', tracking_number: 'Jane Canary', duration_s: -7 });
  expect(read).toThrow(
    'data.tracking_number (is not in E.164), data.caller_number (is no printable text), data.duration_s (too_small)',
  );
  expect(read).not.toThrow(/Jane|8654559|-7/);
});

test.each(HOSTILE_BODIES.refused)('a body that is %s is malformed for both parsers', (_name, body) => {
  expect(() => parseCallReport('acme', body)).toThrow(malformed);
  expect(() => parseCallReport('callrail', body)).toThrow(malformed);
});

test.each(HOSTILE_BODIES.taken)('a body with %s is read as what it says', (_name, body) => {
  expect(parseCallReport('acme', body)).toEqual(PLAIN);
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
});
