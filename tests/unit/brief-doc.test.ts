import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT } from '../helpers/migrations.ts';

const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8');
const filesOf = (folder: string) =>
  readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
const page = read('docs/brief.md');
const rows = page.split('\n').filter((line) => line.startsWith('| '));

test.each(['docs/brief.md', 'docs/integrations.md'])('every file that %s names is there', (path) => {
  const named = read(path)
    .split('`')
    .filter(
      (text, nth) =>
        nth % 2 === 1 && ['src/', 'tests/', 'supabase/', '.ci/'].some((top) => text.startsWith(top)),
    );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !existsSync(join(PROJECT, name)))).toEqual([]);
});

test.each(['stripe', 'supabase', 'sentry', 'analytics', 'webhooks'])(
  'the integrations have the folder %s of the brief',
  (folder) => {
    expect(filesOf(`src/integrations/${folder}`)).not.toEqual([]);
  },
);

test.each([
  'ApiError',
  'handleApiError',
  'apiCallWithRetry',
  'RealtimeService',
  'verifyWebhookSignature',
  'validateEnvironment',
])('%s of the brief is declared in the file that its row names', (name) => {
  const row = rows.find((line) => line.startsWith(`| \`${name}\``)) ?? '';
  const [, file = ''] = row.split('|')[2]?.split('`') ?? [];
  expect(read(file)).toMatch(new RegExp(`(class|function|const) ${name}\\b`));
});

test('no StripeService is there, as its row says', () => {
  expect(page).toMatch(/\| `StripeService` +\| there is no such name/);
  expect(filesOf('src').filter((path) => read(path).includes('StripeService'))).toEqual([]);
});

test('each client over createApiClient passes the table of answers', () => {
  const makers = filesOf('src/integrations')
    .filter((path) => !path.endsWith('/http.ts') && !path.endsWith('/lookup.ts'))
    .map(read)
    .filter((text) => text.includes('createApiClient(') || text.includes('lookupClient('))
    .flatMap((text) => [...text.matchAll(/export function (create\w+)/g)].map(([, name]) => name ?? ''));
  expect(makers).toHaveLength(9);
  const table = filesOf('tests/unit')
    .map(read)
    .filter((text) => text.includes('tellsEachAnswer('))
    .join('');
  expect(makers.filter((name) => !table.includes(`${name}(`))).toEqual([]);
});

test('the address of Stripe stands in its library alone, and in the audit, which only reads', () => {
  const telling = filesOf('src').filter((path) => read(path).includes('api.stripe.com'));
  expect(telling.filter((path) => !path.startsWith('src/audit/'))).toEqual([]);
  expect(read('src/audit/stripe-reader.ts')).not.toContain("method: 'POST'");
});

test('no unit test starts a backend', () => {
  const backends = ['house', 'database', 'queue-backends', 'queue-house', 'stripe'];
  const starting = filesOf('tests/unit').filter((path) =>
    backends.some((helper) => read(path).includes(`from '../helpers/${helper}.ts'`)),
  );
  expect(starting).toEqual([]);
});
