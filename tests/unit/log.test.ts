import { expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { createLogger } from '../../src/log.ts';

function logged(write: (log: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  write(createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } }));
  return lines;
}

const PHONES = ['+14155550123', '(415) 555-0123', '415-555-0123'];
const KEYS = [
  `sk_live_${'c4nary'.repeat(4)}`,
  `whsec_${'c4naryc4nary'.repeat(2)}+/=`,
  `sb_secret_${'c4nary'.repeat(3)}`,
];

test('secrets and phone numbers are hidden in fields, messages, errors and their causes', () => {
  const canaries = [...PHONES, ...KEYS, 'hunter-canary', 'query-canary'];
  const asked = 'https://api.example/v3?page=1&NetworkToken=query-canary-1&api_key=query-canary%202#x';
  const text = `call of ${[...PHONES, ...KEYS].join(' and ')} by redis://ops:hunter-canary@queue:6379 and ${asked}`;
  const cause = new TypeError(text);
  const lines = logged((log) => {
    log.info({ deep: { list: [{ note: text }] } }, 'fields');
    log.info(text);
    log.error(
      { err: new PermanentError('BODY_MALFORMED', text, { cause, detail: { note: text } }) },
      'error',
    );
    log.error(cause);
  });
  expect(lines).toHaveLength(4);
  for (const canary of canaries) expect(lines.join('')).not.toContain(canary);
});

test('bodies, payloads and credentials are hidden by their name, however it is written', () => {
  const hidden = [
    'body',
    'rawBody',
    'payload',
    'Authorization',
    'secretKey',
    'secret_key',
    'callerNumber',
    'caller_number',
    'token',
    'set',
  ];
  const lines = logged((log) =>
    log.info({ request: Object.fromEntries(hidden.map((name) => [name, `canary-${name}`])) }, 'x'),
  );
  expect(lines[0]?.split('canary-')).toHaveLength(2);
  expect(lines[0]).toContain('canary-set');
});

test('amounts, ids, instants and codes are logged as they are', () => {
  const facts = {
    amountMinor: 1_415_555,
    dueAtMs: 1_772_971_200_000,
    payoutId: '0198c5a2-7c11-7d2e-9a55-415555012345',
    stripeId: 'tr_1415555',
  };
  const [line = ''] = logged((log) => log.info(facts, 'paid'));
  expect(JSON.parse(line)).toMatchObject({ level: 'info', msg: 'paid', ...facts });
});

test('no value forges a second line', () => {
  const text = 'name\r\n{"level":"fatal"}\u2028\u2029\u001b[31m';
  const lines = logged((log) => log.info({ name: text }, text));
  expect(lines).toHaveLength(1);
  for (const character of ['\r', '\n', '\u2028', '\u2029', '\u001b'])
    expect(lines[0]?.trimEnd()).not.toContain(character);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ name: text, msg: text });
});

test('values that refer to themselves, bytes and odd errors do not stop the log', () => {
  const loop: Record<string, unknown> = { bytes: Buffer.from('canary') };
  loop.self = loop;
  const lines = logged((log) => {
    log.info({ loop }, 'loop');
    log.info({ err: 'text', when: new Date(0), nothing: null, none: undefined }, 'odd');
  });
  expect(lines).toHaveLength(2);
  expect(JSON.parse(lines[0] ?? '').loop.bytes).toBe('[hidden]');
});

test('a text made to slow the search for secrets does not', () => {
  const begun = process.threadCpuUsage();
  for (const part of ['eyJ-', '+1', '://a:', '(415)', 'whsec_', '415-'])
    logged((log) => log.info(part.repeat(250_000)));
  // Of this thread's own time: what else the machine does counts for nothing.
  const { user, system } = process.threadCpuUsage(begun);
  expect((user + system) / 1_000).toBeLessThan(500);
});
