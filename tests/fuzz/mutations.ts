import fc from 'fast-check';

/** A request as it is sent; of headers that stand more than once, each has a line. */
export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** One change; `other` is another delivery, whose parts may be taken. */
interface Mutation {
  readonly name: string;
  readonly apply: (sent: Sent, other: Sent) => Sent;
}

const place = (at: number, length: number) => Math.min(Math.floor(at * length), Math.max(length - 1, 0));
const splice = (text: string, at: number, cut: number, put: string) =>
  `${text.slice(0, at)}${put}${text.slice(at + cut)}`;

const onBody = (name: string, change: (body: Buffer, other: Buffer) => Buffer): Mutation => ({
  name,
  apply: (sent, other) => ({ ...sent, body: change(sent.body, other.body) }),
});
const onHeader = (
  name: string,
  which: number,
  change: (value: string, other: string) => string,
): Mutation => ({
  name,
  apply(sent, other) {
    const at = place(which, sent.headers.length);
    const headers = sent.headers.map(([header, value], index): [string, string] => {
      const others = other.headers.find(([one]) => one === header)?.[1] ?? '';
      return [header, index === at ? change(value, others) : value];
    });
    return { ...sent, headers };
  },
});

/** Everywhere alike: doubles of fast-check are nearly all nearly 0. */
const unit = fc.nat(9_999).map((tenThousandths) => tenThousandths / 10_000);
const byte = fc.nat(255);

const ofBody: fc.Arbitrary<Mutation>[] = [
  fc.tuple(unit, fc.nat(7)).map(([at, bit]) =>
    onBody(`flip bit ${bit} of the body at ${at}`, (body) => {
      const flipped = Buffer.from(body);
      const index = place(at, body.length);
      flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
      return flipped.subarray(0, body.length);
    }),
  ),
  fc.tuple(unit, byte).map(([at, put]) =>
    onBody(`insert byte ${put} into the body at ${at}`, (body) => {
      const index = place(at, body.length);
      return Buffer.concat([body.subarray(0, index), Buffer.from([put]), body.subarray(index)]);
    }),
  ),
  unit.map((at) =>
    onBody(`drop the byte of the body at ${at}`, (body) => {
      const index = place(at, body.length);
      return Buffer.concat([body.subarray(0, index), body.subarray(index + 1)]);
    }),
  ),
  unit.map((at) => onBody(`cut the body at ${at}`, (body) => body.subarray(0, place(at, body.length)))),
  fc.constant(onBody('no body', () => Buffer.alloc(0))),
  fc.constant(onBody('the body of another delivery', (_body, other) => other)),
  fc.constant(onBody('the body twice', (body) => Buffer.concat([body, body]))),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => onBody('any bytes as body', () => Buffer.from(bytes))),
  fc
    .constantFrom('utf16le', 'latin1', 'base64', 'hex')
    .map((encoding) => onBody(`the body in ${encoding}`, (body) => recode(body, encoding))),
  fc.constantFrom('\uFEFF', ' ', '\n', '\0', '{', '&', '%', '=').chain((text) =>
    fc.boolean().map((before) =>
      onBody(`${JSON.stringify(text)} ${before ? 'before' : 'behind'} the body`, (body) => {
        const put = Buffer.from(text);
        return Buffer.concat(before ? [put, body] : [body, put]);
      }),
    ),
  ),
  fc
    .tuple(unit, unit, unit)
    .map(([from, to, cut]) =>
      onBody(`fields of a form from ${from} to ${to} in one, cut at ${cut}`, (body) =>
        Buffer.from(moveBoundary(body.toString().split('&'), from, to, cut)),
      ),
    ),
  fc.constant(
    onBody('a form in another order', (body) => Buffer.from(body.toString().split('&').reverse().join('&'))),
  ),
];
/** The same names and values one behind the other: of several fields one that holds them all, and what is cut off its end. */
function moveBoundary(fields: string[], from: number, to: number, cut: number): string {
  const first = place(from, fields.length);
  const last = first + 1 + place(to, fields.length - first - 1);
  const [name = '', value = ''] = (fields[first] ?? '').split('=');
  const joined = fields
    .slice(first + 1, last)
    .join('')
    .replaceAll('=', '');
  const [next = '', nextValue = ''] = (fields[last] ?? '').split('=');
  const at = place(cut, next.length + 1);
  const moved = [`${name}=${value}${joined}${next.slice(0, at)}`, `${next.slice(at)}=${nextValue}`];
  return [...fields.slice(0, first), ...moved, ...fields.slice(last + 1)].join('&');
}

const recode = (body: Buffer, encoding: string): Buffer =>
  encoding === 'utf16le' || encoding === 'latin1'
    ? Buffer.from(body.toString(), encoding)
    : Buffer.from(body.toString(encoding as 'base64' | 'hex'));

const ofHeader: fc.Arbitrary<Mutation>[] = [
  fc
    .tuple(unit, unit, fc.constantFrom('A', 'b', '0', '1', '=', ',', ' ', '.', '+', '\u00e9'))
    .map(([which, at, put]) =>
      onHeader(`${JSON.stringify(put)} in header ${which} at ${at}`, which, (value) =>
        splice(value, place(at, value.length), 1, put),
      ),
    ),
  fc
    .tuple(unit, unit)
    .map(([which, at]) =>
      onHeader(`cut header ${which} at ${at}`, which, (value) => value.slice(0, place(at, value.length))),
    ),
  unit.map((which) => onHeader(`header ${which} of another delivery`, which, (_value, other) => other)),
  fc
    .tuple(unit, fc.constantFrom('', ' ', 'null', '{}', 'v1,', 'v1a,', 't=', 'sha256=', '0'.repeat(64)))
    .map(([which, put]) => onHeader(`header ${which} says ${JSON.stringify(put)}`, which, () => put)),
  fc
    .tuple(unit, fc.constantFrom(' ', ',', ' v1,', ',v1=', ',t=0'))
    .map(([which, between]) =>
      onHeader(
        `header ${which} with that of another behind it`,
        which,
        (value, other) => `${value}${between}${other}`,
      ),
    ),
  unit.map((which) => onHeader(`header ${which} in lower case`, which, (value) => value.toLowerCase())),
  unit.map((which) => onHeader(`header ${which} in upper case`, which, (value) => value.toUpperCase())),
  unit.map((which) =>
    onHeader(`header ${which} of 20 KB`, which, (value) => value.repeat(1 + 20_000 / (value.length + 1))),
  ),
  fc
    .tuple(unit, fc.integer({ min: -400, max: 400 }))
    .map(([which, seconds]) =>
      onHeader(`stamp in header ${which} moved by ${seconds} s`, which, (value) => moveStamp(value, seconds)),
    ),
];
/** The first ten digits in a row, which are a stamp in Unix seconds or nothing. */
function moveStamp(value: string, seconds: number): string {
  const at = value.search(/\d{10}/);
  return at < 0 ? value : splice(value, at, 10, String(Number(value.slice(at, at + 10)) + seconds));
}

const ofHeaders: fc.Arbitrary<Mutation>[] = [
  unit.map((which) => ({
    name: `without header ${which}`,
    apply: (sent) => ({
      ...sent,
      headers: sent.headers.filter((_, at) => at !== place(which, sent.headers.length)),
    }),
  })),
  unit.map((which) => ({
    name: `header ${which} twice`,
    apply: (sent) => ({
      ...sent,
      headers: [...sent.headers, ...sent.headers.slice(place(which, sent.headers.length)).slice(0, 1)],
    }),
  })),
  fc.constant({
    name: 'headers of another delivery',
    apply: (sent, other) => ({ ...sent, headers: other.headers }),
  }),
  fc.constant({
    name: 'headers of both deliveries',
    apply: (sent, other) => ({ ...sent, headers: [...sent.headers, ...other.headers] }),
  }),
  fc.constant({
    name: 'headers in another order',
    apply: (sent) => ({ ...sent, headers: sent.headers.toReversed() }),
  }),
  fc
    .constantFrom(
      '',
      'text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/json; charset=utf-16',
      '\u0000',
      'x'.repeat(300),
    )
    .map((type) => ({
      name: `content-type ${JSON.stringify(type)}`,
      apply: (sent) => ({
        ...sent,
        headers: [
          ...sent.headers.filter(([name]) => name !== 'content-type'),
          ['content-type', type] as const,
        ],
      }),
    })),
  fc.constantFrom('gzip', 'deflate', 'br', 'identity, gzip').map((encoding) => ({
    name: `content-encoding ${encoding}`,
    apply: (sent) => ({ ...sent, headers: [...sent.headers, ['content-encoding', encoding] as const] }),
  })),
];

const ofAddress: fc.Arbitrary<Mutation>[] = [
  fc.constant({
    name: 'the address of another delivery',
    apply: (sent, other) => ({ ...sent, url: other.url }),
  }),
  fc
    .tuple(unit, fc.constantFrom('a', '%', '/', '?', '.', '%2f', '%00', '__proto__', '\u00e9'))
    .map(([at, put]) => ({
      name: `${put} in the address at ${at}`,
      apply: (sent) => ({
        ...sent,
        url: `/${splice(sent.url, place(at, sent.url.length), 1, put).slice(1)}`,
      }),
    })),
  fc.constantFrom('/', '?a=1', '?', '&bodySHA256=0', '#x', '%20', ';x', '//').map((put) => ({
    name: `${put} behind the address`,
    apply: (sent) => ({ ...sent, url: `${sent.url}${put}` }),
  })),
  fc.constantFrom('GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD').map((method) => ({
    name: `method ${method}`,
    apply: (sent) => ({ ...sent, method }),
  })),
];

/** A million bytes cost a hundred times what a small request does, so that they come seldom. */
const ofSize: fc.Arbitrary<Mutation>[] = [
  fc
    .constantFrom(70_000, 1_048_576, 1_048_577, 2_000_000)
    .map((size) =>
      onBody(`a body of ${size} bytes`, (body) =>
        Buffer.concat([body, Buffer.alloc(size, '{')]).subarray(0, size),
      ),
    ),
];

const anyOf = (weight: number, of: readonly fc.Arbitrary<Mutation>[]) =>
  of.map((arbitrary) => ({ weight, arbitrary }));

/** Changes of every kind; each tells its name. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  ...anyOf(100, [...ofBody, ...ofHeader, ...ofHeaders, ...ofAddress]),
  ...anyOf(5, ofSize),
);
