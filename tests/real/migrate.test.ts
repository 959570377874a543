import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../src/integrations/supabase/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { MIGRATIONS } from '../helpers/migrations.ts';

let db: TestDatabase;
let directory: string;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'callclear-migrations-'));
  await db.sql('drop schema if exists supabase_migrations cascade; drop schema if exists trial cascade');
  await write('20260101000000_first.sql', 'create schema trial; create table trial.a (id int);');
  await write('20260102000000_second.sql', 'create table trial.b (id int);');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const write = (file: string, sql: string) => writeFile(join(directory, file), sql);
const record = () =>
  db.sql(`select version, name, statements from supabase_migrations.schema_migrations order by version`);

test('files are applied in order, once, and recorded as the Supabase CLI records them', async () => {
  expect(await migrate(db.adminUrl, directory)).toEqual({
    applied: ['20260101000000_first.sql', '20260102000000_second.sql'],
    alreadyApplied: 0,
  });
  expect(await migrate(db.adminUrl, directory)).toEqual({ applied: [], alreadyApplied: 2 });
  expect(await record()).toEqual([
    {
      version: '20260101000000',
      name: 'first',
      statements: ['create schema trial; create table trial.a (id int);'],
    },
    { version: '20260102000000', name: 'second', statements: ['create table trial.b (id int);'] },
  ]);
});

test('four runs at the same moment apply every file once', async () => {
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(db.adminUrl, directory)));
  expect(results.flatMap(({ applied }) => applied).sort()).toEqual([
    '20260101000000_first.sql',
    '20260102000000_second.sql',
  ]);
});

test('a file that fails leaves nothing of itself, names its line, and the next run continues there', async () => {
  await write(
    '20260102000000_second.sql',
    'create table trial.b (id int);\n\ncreate tabel trial.c (id int);',
  );
  await expect(migrate(db.adminUrl, directory)).rejects.toThrow('20260102000000_second.sql, line 3');
  expect(
    await db.sql(`select to_regclass('trial.a') is not null as a, to_regclass('trial.b') is not null as b`),
  ).toEqual([{ a: true, b: false }]);
  await write('20260102000000_second.sql', 'create table trial.b (id int);');
  expect((await migrate(db.adminUrl, directory)).applied).toEqual(['20260102000000_second.sql']);
});

test('a file that changed after it was applied is refused', async () => {
  await migrate(db.adminUrl, directory);
  await write('20260101000000_first.sql', 'create schema trial; create table trial.a (id bigint);');
  await expect(migrate(db.adminUrl, directory)).rejects.toThrow(
    '20260101000000_first.sql has changed since it was applied',
  );
});

test('two files of one version are refused before anything is applied', async () => {
  await write('20260102000000_also_second.sql', 'create table trial.c (id int);');
  await expect(migrate(db.adminUrl, directory)).rejects.toThrow('have the same version');
  expect(await db.sql(`select to_regclass('trial.a') as a`)).toEqual([{ a: null }]);
});

test('a file that is older than what is applied is refused', async () => {
  await migrate(db.adminUrl, directory);
  await write('20260101120000_late.sql', 'create table trial.c (id int);');
  await expect(migrate(db.adminUrl, directory)).rejects.toThrow(
    '20260101120000_late.sql is older than 20260102000000',
  );
});

test('a database that is ahead of the files is refused', async () => {
  await migrate(db.adminUrl, directory);
  await rm(join(directory, '20260102000000_second.sql'));
  await expect(migrate(db.adminUrl, directory)).rejects.toThrow(
    '20260102000000_second, of which there is no file here',
  );
});

test('what the Supabase CLI applied, statement by statement and without a hash, is taken as it is', async () => {
  await db.sql(`create schema supabase_migrations;
    create table supabase_migrations.schema_migrations (version text not null primary key, statements text[], name text);
    insert into supabase_migrations.schema_migrations values
      ('20260101000000', array['create schema trial', 'create table trial.a (id int)'], 'first');
    create schema trial`);
  expect((await migrate(db.adminUrl, directory)).applied).toEqual(['20260102000000_second.sql']);
});

test('a file without a version is refused by its name', async () => {
  await write('notes.sql', 'select 1');
  await expect(migrate(db.adminUrl, directory)).rejects.toThrow(
    'notes.sql is not named <14 digits>_<name>.sql',
  );
});

test("callclear's own migrations are all applied in a test's database", async () => {
  const own = await createTestDatabase();
  expect((await migrate(own.adminUrl, MIGRATIONS)).applied).toEqual([]);
  await own.close();
});
