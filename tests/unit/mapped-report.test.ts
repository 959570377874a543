import { expect, test } from 'vitest';
import { parseHmacReceivers, UNSIGNED_SOURCES, type UnsignedSource } from '../../src/config-receivers.ts';
import { parseInstant } from '../../src/integrations/call-tracking/instants.ts';
import { parseCallReport } from '../../src/integrations/call-tracking/parse.ts';
import { TEMPLATES } from '../../src/integrations/call-tracking/templates.ts';
import { HMAC_EXAMPLE } from '../helpers/receivers-doc.ts';
import { DIAL_ENDED } from '../helpers/senders.ts';

const RECEIVED_MS = Date.UTC(2026, 2, 8, 12, 10);
const malformed = expect.objectContaining({ name: 'PermanentError', code: 'BODY_MALFORMED' });
const described = parseHmacReceivers(JSON.stringify(HMAC_EXAMPLE));
const read = (source: string, body: string) =>
  parseCallReport(
    { source, kind: 'report', body: Buffer.from(body), receivedAtMs: RECEIVED_MS },
    'receivers' in described ? described.receivers : {},
  );

const REPORT = {
  externalId: 'call-1',
  trackingNumber: '+14045558514',
  callerNumber: '+12148654559',
  startedAtMs: Date.UTC(2026, 2, 8, 12),
  durationS: 93,
  answered: true,
  revenue: { amountMinor: 1_230, currency: 'usd' },
  callerRegion: 'US-TX',
  clickId: 'click-1',
  // When it came: nothing in it says when it was stated, and a correction may make a call shorter.
  factsAtMs: RECEIVED_MS,
};

/** What the report's facts may look like in a body, by the names of `CallFields`. */
const FACTS = {
  callId: 'call-1',
  trackingNumber: '(404) 555-8514',
  callerNumber: '214-865-4559',
  startedAt: '2026-03-08 07:00:00',
  durationS: '93',
  revenue: '12.30',
  currency: 'USD',
  callerRegion: 'tx',
  timezone: 'America/Bogota',
  clickId: 'click-1',
};
const factsOf = (source: UnsignedSource, change: Record<string, string | undefined> = {}) =>
  Object.entries({ ...FACTS, ...change }).flatMap(([name, value]) => {
    const field = TEMPLATES[source][name as keyof typeof FACTS];
    return value === undefined ? [] : [[String(field), value] as const];
  });
const asJson = (source: UnsignedSource, change: Record<string, string | undefined> = {}) =>
  JSON.stringify(Object.fromEntries(factsOf(source, change)));

test.each(UNSIGNED_SOURCES)('a body of %s becomes the one report, as JSON and as a form', (source) => {
  expect(read(source, asJson(source))).toEqual(REPORT);
  expect(read(source, new URLSearchParams(Object.fromEntries(factsOf(source))).toString())).toEqual(REPORT);
});

test.each(UNSIGNED_SOURCES)(
  'a body of %s says when it was sent: then those facts are of that instant',
  (source) => {
    const statedAt = '2026-03-08T12:05:00Z';
    expect(read(source, asJson(source, { statedAt })).factsAtMs).toBe(Date.parse(statedAt));
    expect(read(source, asJson(source, { statedAt: '' })).factsAtMs).toBe(RECEIVED_MS);
  },
);

test('a click that is none is refused, and an empty one is no click', () => {
  expect(read('ringba', asJson('ringba', { clickId: '' })).clickId).toBeUndefined();
  expect(() => read('ringba', asJson('ringba', { clickId: 'a b' }))).toThrow('clickId (is no id)');
});

test('a sender that the configuration describes is read by its fields, however deep they stand', () => {
  const call = {
    ...{ id: 'call-1', dialled: '+1 404 555 8514', caller: '+1 (214) 865-4559', started_at: 1_772_971_200 },
    ...{ talk_seconds: 93, status: 'answered', revenue: 12.3, state: 'US-TX', click: 'click-1' },
  };
  expect(read('acme', JSON.stringify({ call, sent_at: '2026-03-08T12:05:00Z' }))).toEqual({
    ...REPORT,
    factsAtMs: Date.UTC(2026, 2, 8, 12, 5),
  });
  expect(read('acme', JSON.stringify({ call: { ...call, status: 'missed' } })).answered).toBe(false);
});

test('amounts never go through a float: each digit counts, and what is no amount of the currency is refused', () => {
  const revenueOf = (json: string) =>
    read('ringba', asJson('ringba').replace('"conversionAmount":"12.30"', `"conversionAmount":${json}`))
      .revenue?.amountMinor;
  expect(revenueOf('1.10')).toBe(110);
  expect(revenueOf('"1.1"')).toBe(110);
  expect(revenueOf('90071992547409.91')).toBe(9_007_199_254_740_991);
  expect(revenueOf('0')).toBe(0);
  expect(revenueOf('null')).toBeUndefined();
  expect(revenueOf('""')).toBeUndefined();
  for (const json of [
    '1.005',
    '"1,10"',
    '"$1.10"',
    '-1',
    '1e2',
    '"NaN"',
    '90071992547409.92',
    '"1.1.1"',
    '{}',
  ])
    expect(() => revenueOf(json), json).toThrow(malformed);
  expect(read('ringba', asJson('ringba', { revenue: '12', currency: 'jpy' })).revenue?.amountMinor).toBe(12);
  for (const currency of [undefined, '', 'xyz', 'constructor'])
    expect(() => read('ringba', asJson('ringba', { currency }))).toThrow('revenue (is no amount');
});

test('a call without talk is not answered, a fraction of a second is owed by nobody, and an anonymous caller is null', () => {
  expect(read('ringba', asJson('ringba', { durationS: '0' })).answered).toBe(false);
  expect(read('ringba', asJson('ringba', { durationS: '93.9' })).durationS).toBe(93);
  expect(read('ringba', asJson('ringba', { callerNumber: 'Restricted' })).callerNumber).toBeNull();
  expect(read('ringba', asJson('ringba', { callerNumber: undefined })).callerNumber).toBeNull();
  expect(read('ringba', asJson('ringba', { callerNumber: '123' })).callerNumber).toBe('123');
});

test.each([
  ['callId', 'a b', 'callId (is no id)'],
  ['callId', undefined, 'callId (invalid_union)'],
  ['trackingNumber', 'sip:buyer', 'trackingNumber (is no telephone number)'],
  ['trackingNumber', '[tag:Number]', 'trackingNumber (is no telephone number)'],
  ['startedAt', 'yesterday', 'startedAt (is no instant'],
  ['startedAt', '2026-02-30 07:00:00', 'startedAt (is no instant'],
  ['timezone', 'Mars/Olympus', 'startedAt (is no instant'],
  ['timezone', undefined, 'startedAt (is no instant'],
  ['durationS', '1:33', 'durationS (is no number of seconds)'],
  ['durationS', '-1', 'durationS (is no number of seconds)'],
  ['durationS', '99999999', 'durationS (is no number of seconds)'],
])('%s of "%s" is told by its field and never by its value', (name, value, told) => {
  const body = asJson('ringba', { [name]: value });
  expect(() => read('ringba', body)).toThrow(told);
  expect(() => read('ringba', body)).toThrow(malformed);
});

test.each([
  ['1772971200', Date.UTC(2026, 2, 8, 12)],
  ['1772971200000', Date.UTC(2026, 2, 8, 12)],
  ['2026-03-08T12:00:00Z', Date.UTC(2026, 2, 8, 12)],
  ['2026-03-08T12:00:00.250+00:00', Date.UTC(2026, 2, 8, 12, 0, 0, 250)],
  ['2026-03-08 05:00:00 -0700', Date.UTC(2026, 2, 8, 12)],
  ['2026-03-08 12:00:00 UTC', Date.UTC(2026, 2, 8, 12)],
  // Without an offset, in New York: before the clocks change, in the hour that is not, and after.
  ['2026-03-08 01:59:59', Date.UTC(2026, 2, 8, 6, 59, 59)],
  ['2026-03-08 02:30:00', Date.UTC(2026, 2, 8, 7, 30)],
  ['2026-03-08T03:00:00', Date.UTC(2026, 2, 8, 7)],
  // The hour that comes twice is the first of both.
  ['2026-11-01 01:30:00', Date.UTC(2026, 10, 1, 5, 30)],
  ['2026-11-01 02:30:00', Date.UTC(2026, 10, 1, 7, 30)],
  ['', null],
  ['0', null],
  ['177297120', null],
  ['2026-03-08', null],
  ['2026-03-08 05:00:00 PM', null],
  ['03/08/2026 05:00:00', null],
  ['2026-03-08T12:00:00Z Z Z', null],
])('the instant "%s" is %s', (text, expected) => {
  expect(parseInstant(text, 'America/New_York')).toBe(expected);
});

test('the end of a dial of Twilio is counted back from its receipt, and is answered where somebody talked', () => {
  const dial = (change: Record<string, string>) =>
    read('twilio', new URLSearchParams({ ...DIAL_ENDED, ...change }).toString());
  expect(dial({})).toEqual({
    externalId: DIAL_ENDED.CallSid,
    trackingNumber: '+14045558514',
    callerNumber: '+12148654559',
    startedAtMs: RECEIVED_MS - 93_000,
    durationS: 93,
    answered: true,
    callerRegion: 'US-TX',
    attestation: 'B',
    factsAtMs: RECEIVED_MS,
  });
  expect(dial({ DialCallStatus: 'no-answer' })).toMatchObject({ answered: false, durationS: 0 });
  expect(dial({ From: '+266696687' }).callerNumber).toBeNull();
  expect(dial({ StirVerstat: 'TN-Validation-Failed-A' }).attestation).toBeUndefined();
  for (const change of [
    { DialCallDuration: '9e1' },
    { DialCallStatus: 'exploded' },
    { To: 'client:x' },
    { Direction: 'outbound-api' },
    { CallSid: '' },
  ])
    expect(() => dial(change), JSON.stringify(change)).toThrow(malformed);
  expect(() => read('twilio', `${new URLSearchParams(DIAL_ENDED)}&To=%2B14045550000`)).toThrow(malformed);
  expect(read('twilio', JSON.stringify({ ...DIAL_ENDED, DialCallDuration: 93 })).durationS).toBe(93);
});

test('the end of a call of Twilio is no talk, and older than what the end of a dial says of it', () => {
  const { DialCallStatus: _status, DialCallDuration: _talk, ...progress } = DIAL_ENDED;
  const ended = { ...progress, CallStatus: 'completed', CallDuration: '120' };
  const report = read('twilio', new URLSearchParams(ended).toString());
  const startedAtMs = RECEIVED_MS - 120_000;
  expect(report).toMatchObject({ startedAtMs, durationS: 0, answered: false, factsAtMs: startedAtMs });
});
