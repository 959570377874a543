/** The plain report that the hostile ones are made from. */
export const STANDARD_BODY = {
  type: 'call.completed',
  timestamp: '2026-03-08T12:05:00Z',
  data: {
    call_id: 'call-1',
    tracking_number: '+14045558514',
    caller_number: '+12148654559',
    started_at: '2026-03-08T07:00:00-05:00',
    duration_s: 93,
    answered: true,
  },
};

const JSON_TEXT = JSON.stringify(STANDARD_BODY);
/** The plain report with the JSON text of one value replaced. */
const withValue = (field: string, text: string) => {
  const { data } = STANDARD_BODY;
  const old = JSON.stringify(Object.entries(data).find(([name]) => name === field)?.[1]);
  return JSON_TEXT.replace(`"${field}":${old}`, `"${field}":${text}`);
};
const withMore = (text: string) => JSON_TEXT.replace('"data":{', `"data":{${text},`);
const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth);
const quoted = (text: string) => JSON.stringify(text);

/** Bodies that no parser may crash on and that name no usable call. */
const REFUSED: Record<string, string | Uint8Array> = {
  empty: '',
  blank: ' \n\t ',
  'a NUL byte': '\0',
  'a byte order mark alone': '\uFEFF',
  null: 'null',
  true: 'true',
  'a number': '1',
  'a string': '"call"',
  'an array': '[]',
  'an array of reports': `[${JSON_TEXT}]`,
  'an empty object': '{}',
  'a truncated report': JSON_TEXT.slice(0, -1),
  'a report with more behind it': `${JSON_TEXT}{}`,
  'a trailing comma': JSON_TEXT.replace('}}', ',}}'),
  'a comment': `${JSON_TEXT}//`,
  'single quotes': JSON_TEXT.replaceAll('"', "'"),
  NaN: withValue('duration_s', 'NaN'),
  Infinity: withValue('duration_s', 'Infinity'),
  'UTF-16': Buffer.from(JSON_TEXT, 'utf16le'),
  'invalid UTF-8': Buffer.concat([
    Buffer.from('{"a":"'),
    Buffer.from([0xff, 0xfe, 0xc0, 0x80]),
    Buffer.from('"}'),
  ]),
  'invalid UTF-8 in an unknown field': Buffer.from(withMore('"note":"\u00ff"'), 'latin1'),
  'an encoded surrogate': Buffer.concat([
    Buffer.from('{"a":"'),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from('"}'),
  ]),
  'form encoding': 'type=call.completed&call_id=1',
  XML: '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>',
  'gzip bytes': Uint8Array.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3]),
  'arrays nested 100,000 deep': nested(100_000),
  'objects nested 50,000 deep': nested(50_000, '{"a":', '}'),
  'nesting that is never closed': '['.repeat(500_000),
  'deep nesting inside a report': withMore(`"deep":${nested(200)}`),
  'a raw line break in a string': withValue('call_id', '"call\n1"'),
  'a NUL in the id': withValue('call_id', '"call\\u0000"'),
  'a lone surrogate in the id': withValue('call_id', '"call\\ud800"'),
  'a direction mark in the id': withValue('call_id', quoted('call\u202e1')),
  'a full-width digit in the id': withValue('call_id', quoted('call-１')),
  'an empty id': withValue('call_id', '""'),
  'an id of 65 letters': withValue('call_id', quoted('c'.repeat(65))),
  'an id of 500 KB': withValue('call_id', quoted('c'.repeat(500_000))),
  'an id with a path': withValue('call_id', '"../../etc"'),
  'a numeric id': withValue('call_id', '9007199254740993'),
  'an object as id': withValue('call_id', '{"toString":"x"}'),
  'a tracking number without plus': withValue('tracking_number', '"4045558514"'),
  'a tracking number with spaces': withValue('tracking_number', '"+1 404 555 8514"'),
  'a tracking number in other digits': withValue('tracking_number', quoted('+١٤٠٤٥٥٥٨٥١٤')),
  'a tracking number of 16 digits': withValue('tracking_number', '"+1234567890123456"'),
  'a tracking number of null': withValue('tracking_number', 'null'),
  'a caller with a NUL': withValue('caller_number', '"+1214\\u0000"'),
  'a caller of 1 MB': withValue('caller_number', quoted('1'.repeat(900_000))),
  'a caller as number': withValue('caller_number', '12148654559'),
  'a duration of 1e400': withValue('duration_s', '1e400'),
  'a duration of -1': withValue('duration_s', '-1'),
  'a duration of 0.5': withValue('duration_s', '0.5'),
  'a duration of 2^53': withValue('duration_s', '9007199254740992'),
  'a duration as text': withValue('duration_s', '"93"'),
  'a duration of true': withValue('duration_s', 'true'),
  'answered as text': withValue('answered', '"true"'),
  'a start without offset': withValue('started_at', '"2026-03-08T07:00:00"'),
  'a start on a day that is not': withValue('started_at', '"2026-02-30T07:00:00Z"'),
  'a start in the year 275760': withValue('started_at', '"+275760-09-13T00:00:00Z"'),
  'a start before the calls began': withValue('started_at', '"1969-12-31T23:59:59Z"'),
  'a start as number': withValue('started_at', '1772971200'),
  'another type': JSON_TEXT.replace('call.completed', 'call.exploded'),
  'a type of null': JSON_TEXT.replace('"call.completed"', 'null'),
  'a prototype in place of data': JSON_TEXT.replace('"data"', '"__proto__"'),
  'data that is null': JSON.stringify({ ...STANDARD_BODY, data: null }),
};

/** Bodies that look odd and are the plain report all the same. */
const TAKEN: Record<string, string> = {
  'unknown fields': withMore('"later":{"anything":[1,2,3]}'),
  'a __proto__ field': withMore('"__proto__":{"answered":false,"polluted":true}'),
  'a constructor field': withMore('"constructor":{"prototype":{"polluted":true}}'),
  'an earlier value of a field that stands twice': withMore('"duration_s":5'),
  'a NUL and a lone surrogate in an unknown field': withMore('"note":"\\u0000\\udfff"'),
  'a decomposed and a composed letter in an unknown field': withMore('"cafe\\u0301":1,"caf\\u00e9":2'),
  '1e400 in an unknown field': withMore('"big":1e400'),
  'brackets and quotes inside a string': withMore(`"note":${quoted('[{"\\'.repeat(1_000))}`),
  'a byte order mark before it': `\uFEFF${JSON_TEXT}`,
  'blanks around it': `\n  ${JSON_TEXT}\n`,
};

const bodies = (named: Record<string, string | Uint8Array>) =>
  Object.entries(named).map(([name, body]): [string, Buffer] => [name, Buffer.from(body as Uint8Array)]);

export const HOSTILE_BODIES = { refused: bodies(REFUSED), taken: bodies(TAKEN) };
