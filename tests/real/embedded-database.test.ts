import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { startEmbeddedPostgres, stopOrphan } from '../../sandbox/database/embedded.ts';
import { describeProcess } from '../../sandbox/database/processes.ts';

const HOLDER = join(import.meta.dirname, '..', 'helpers', 'hold-database.ts');

let dataDir: string;
const holders: ChildProcess[] = [];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'callclear-embedded-'));
  await chmod(dataDir, 0o711);
});
afterEach(async () => {
  for (const holder of holders.splice(0)) await kill(holder);
  await stopOrphan(join(dataDir, 'cluster'));
  // An initdb that outlived its parent may still write there.
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20 });
});

// A killed process loses nothing that the system has: fsync matters to a test of power loss only.
const start = () => startEmbeddedPostgres({ dataDir, durable: false });
const hold = (): ChildProcess => {
  const holder = spawn(process.execPath, [HOLDER, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  holders.push(holder);
  return holder;
};
const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await gone;
};
const readyOf = async (holder: ChildProcess): Promise<string> => {
  const line = await new Promise<string>((done) =>
    holder.stdout?.once('data', (data: Buffer) => done(data.toString())),
  );
  return z.object({ adminUrl: z.string() }).parse(JSON.parse(line)).adminUrl;
};
const serverPid = () =>
  Number(readFileSync(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the parent is killed', () => {
  test('what was committed is there after the next start on the directory, and the orphan is gone', async () => {
    const holder = hold();
    const url = await readyOf(holder);
    await query(url, 'create table kept (id int); insert into kept values (42)');
    const orphan = serverPid();
    await kill(holder);
    expect(await describeProcess(orphan)).not.toBeNull();

    const postgres = await start();
    expect(await describeProcess(orphan)).toBeNull();
    expect(await query(postgres.adminUrl, 'select id from kept')).toEqual([{ id: 42 }]);
    expect(postgres.adminUrl.split('@')[0]).toBe(url.split('@')[0]);
    await postgres.stop();
  });

  test('killed with its server as well, as when the machine stops, it starts again', async () => {
    const holder = hold();
    const url = await readyOf(holder);
    await query(url, 'create table kept (id int); insert into kept values (42)');
    const server = serverPid();
    await kill(holder);
    process.kill(server, 'SIGKILL');

    const postgres = await start();
    expect(await query(postgres.adminUrl, 'select id from kept')).toEqual([{ id: 42 }]);
    await postgres.stop();
  });

  // Each moment is reached by watching the directory; the seventh kill comes when the server already runs.
  test.each([
    ['the secrets', () => existsSync(join(dataDir, 'secrets.json'))],
    ['the first files of initdb', () => drafts().length > 0],
    ['the middle of initdb', () => drafts().some((draft) => existsSync(join(draft, 'postgresql.conf')))],
    ['the end of initdb', () => existsSync(join(dataDir, 'cluster'))],
    ['the start of the server', () => existsSync(join(dataDir, 'cluster', 'postmaster.pid'))],
  ])('killed at %s, the next start makes a whole database', async (_, reached) => {
    const holder = hold();
    await vi.waitUntil(reached, { timeout: 120_000, interval: 1 });
    await kill(holder);

    const postgres = await start();
    const roles = await query(
      postgres.adminUrl,
      `select rolname from pg_roles where rolname !~ '^pg_' order by 1`,
    );
    expect(roles.map(({ rolname }) => rolname)).toEqual([
      'anon',
      'authenticated',
      'authenticator',
      'callclear_queue',
      'postgres',
      'service_role',
    ]);
    await query(postgres.authenticatorUrl, 'select 1');
    await query(postgres.queueUrl, 'create table bullmq.jobs (id int)');
    await postgres.stop();
  });
});

const drafts = (): string[] =>
  readdirSync(dataDir)
    .filter((name) => name.startsWith('cluster.') && !name.endsWith('.password'))
    .map((name) => join(dataDir, name));

describe('two starts on one directory', () => {
  test('a second start names the living process that holds it, and leaves it alone', async () => {
    const holder = hold();
    const url = await readyOf(holder);
    await expect(start()).rejects.toThrow(`in use by process ${holder.pid}`);
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('of two starts at the same moment on an empty directory one wins, and nothing is damaged', async () => {
    const both = await Promise.allSettled([start(), start()]);
    const won = both.filter((result) => result.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const { value } of won) {
      expect(await query(value.adminUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
      await value.stop();
    }
    expect(drafts()).toEqual([]);
  });

  test('a lock file whose process id belongs to another program by now does not stop the start', async () => {
    await (await start()).stop();
    await writeFile(
      join(dataDir, 'cluster', 'postmaster.pid'),
      `${process.pid}\n${join(dataDir, 'cluster')}\n`,
    );
    const postgres = await start();
    expect(await query(postgres.adminUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    await postgres.stop();
  });
});

describe('what it gives', () => {
  test('a durable PostgreSQL 18 that only this machine reaches, with secrets that only its owner reads', async () => {
    const postgres = await startEmbeddedPostgres({ dataDir });
    const settings = await query(
      postgres.adminUrl,
      `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
         current_setting('listen_addresses') as addresses, current_setting('server_version_num')::int / 10000 as version`,
    );
    expect(settings).toEqual([{ fsync: 'on', commit: 'on', addresses: '127.0.0.1', version: 18 }]);
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
    await postgres.stop();
    await postgres.stop();
  });

  test('the queue sees its own schema and nothing of the business', async () => {
    const postgres = await start();
    await query(postgres.adminUrl, 'create table public.calls (id int)');
    await expect(query(postgres.queueUrl, 'select * from public.calls')).rejects.toThrow('permission denied');
    await expect(query(postgres.queueUrl, 'create table public.mine (id int)')).rejects.toThrow(
      'permission denied',
    );
    await expect(query(postgres.queueUrl, 'set role service_role')).rejects.toThrow('permission denied');
    await postgres.stop();
  });
});
