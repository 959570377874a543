import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../sandbox/database/embedded.ts';
import type { QueueBackend } from '../../src/queues/connection.ts';

export const BACKEND_KINDS = ['redis', 'postgres'] as const;

/** A queue store of one test file. */
export interface TestBackend {
  readonly backend: QueueBackend;
  /** Forgets every job, letter and scheduler, as a lost store does. */
  lose(): Promise<void>;
  /** Everything that is stored, as one text: for looking after what must not be there. */
  dump(): Promise<string>;
  /** Freezes the store (nothing answers) until the returned function is called; null when it is not ours to freeze. */
  readonly freeze: (() => () => void) | null;
  stop(): Promise<void>;
}

/** Starts a store, or returns null when this machine has no Redis; then the skip is recorded. */
export async function startQueueBackend(kind: QueueBackend['kind']): Promise<TestBackend | null> {
  return kind === 'redis' ? startRedis() : startPostgres();
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** REDIS_URL (its database 15 alone), else `redis-server` on the PATH, else a container. */
async function startRedis(): Promise<TestBackend | null> {
  const given = process.env.REDIS_URL;
  if (given !== undefined && given !== '') {
    const url = new URL(given);
    url.pathname = '/15';
    return redisBackend(url.href, null, async () => {});
  }
  if (spawnSync('redis-server', ['--version']).status === 0) return startRedisServer();
  try {
    const { GenericContainer } = await import('testcontainers');
    const container = await new GenericContainer('redis:7-alpine').withExposedPorts(6379).start();
    const url = `redis://${container.getHost()}:${container.getMappedPort(6379)}`;
    return redisBackend(url, null, async () => void (await container.stop()));
  } catch (cause) {
    if (process.env.CI) throw new Error('CI needs a Redis: REDIS_URL, redis-server or Docker', { cause });
    mkdirSync('.test-report', { recursive: true });
    appendFileSync(
      '.test-report/skipped',
      'queue tests on Redis: no REDIS_URL, no redis-server, no Docker\n',
    );
    return null;
  }
}

async function startRedisServer(): Promise<TestBackend> {
  const dir = mkdtempSync(join(tmpdir(), 'callclear-redis-'));
  const { server, port } = await startOnFreePort(dir);
  const freeze = () => {
    server.kill('SIGSTOP');
    return () => void server.kill('SIGCONT');
  };
  return redisBackend(`redis://127.0.0.1:${port}`, freeze, async () => {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    rmSync(dir, { recursive: true, force: true });
  });
}

/** Somebody else may take the port before the server does: then it ends, and takes another. */
async function startOnFreePort(dir: string, tries = 5): Promise<{ server: ChildProcess; port: number }> {
  const port = await findFreePort();
  const flags = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'yes',
  ];
  const server = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'ignore'] });
  const isReady = await new Promise<boolean>((resolve) => {
    createInterface(server.stdout).on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve(true);
    });
    server.once('exit', () => resolve(false));
  });
  if (isReady) return { server, port };
  if (tries === 1) throw new Error('redis-server does not start');
  return startOnFreePort(dir, tries - 1);
}

async function redisBackend(
  url: string,
  freeze: TestBackend['freeze'],
  stop: () => Promise<void>,
): Promise<TestBackend> {
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => {});
  await client.flushdb();
  return {
    backend: { kind: 'redis', url },
    freeze,
    lose: async () => void (await client.flushdb()),
    async dump() {
      const parts: string[] = [];
      for (const key of await client.keys('*')) {
        const type = await client.type(key);
        if (type === 'hash') parts.push(key, JSON.stringify(await client.hgetall(key)));
        else if (type === 'string') parts.push(key, (await client.get(key)) ?? '');
        else if (type === 'list') parts.push(key, ...(await client.lrange(key, 0, -1)));
        else if (type === 'zset') parts.push(key, ...(await client.zrange(key, '0', '-1')));
        else if (type === 'stream') parts.push(key, JSON.stringify(await client.xrange(key, '-', '+')));
      }
      return parts.join('\n');
    },
    async stop() {
      client.disconnect();
      await stop();
    },
  };
}

async function startPostgres(): Promise<TestBackend> {
  const dataDir = mkdtempSync(join(tmpdir(), 'callclear-pg-'));
  chmodSync(dataDir, 0o711);
  const server = await startEmbeddedPostgres({ dataDir, durable: false });
  const url = server.queueUrl;
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  const listTables = async () => {
    const { rows } = await pool.query<{ name: string }>(
      "select format('bullmq.%I', tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'",
    );
    return rows.map(({ name }) => name);
  };
  return {
    backend: { kind: 'postgres', url },
    freeze: null,
    async lose() {
      const tables = await listTables();
      if (tables.length > 0) await pool.query(`truncate ${tables.join(', ')} cascade`);
    },
    async dump() {
      const parts: string[] = [];
      for (const table of await listTables()) {
        const { rows } = await pool.query<{ row: string }>(`select to_jsonb(t)::text as row from ${table} t`);
        parts.push(table, ...rows.map(({ row }) => row));
      }
      return parts.join('\n');
    },
    async stop() {
      await pool.end();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
