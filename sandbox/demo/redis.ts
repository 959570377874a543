import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeProcess, signalProcess, waitUntilGone } from '../database/processes.ts';
import { findFreePort } from './ports.ts';

export interface DemoRedis {
  readonly url: string;
  stop(): Promise<void>;
}

const START_MS = 10_000;
const STOP_MS = 10_000;

/**
 * Starts `redis-server` on a data directory with its append-only file, on 127.0.0.1 only.
 *
 * Like the embedded database it outlives a SIGKILL of its parent, so an orphan on the same directory is stopped first:
 * its id stands in a file that it writes itself, and its title names the directory. Throws when there is none on PATH.
 */
export async function startRedis(dataDir: string): Promise<DemoRedis> {
  const directory = resolve(dataDir);
  await mkdir(directory, { recursive: true });
  const pidFile = join(directory, 'redis.pid');
  const mark = `callclear-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
  await stopOrphan(pidFile, mark);

  const port = await findFreePort();
  const settings = {
    ...{ port, bind: '127.0.0.1', dir: directory, pidfile: pidFile, save: '' },
    ...{ appendonly: 'yes', 'maxmemory-policy': 'noeviction' },
    ...{ 'proc-title-template': `{title} {listen-addr} ${mark}`, logfile: join(directory, 'redis.log') },
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  // In a process group of its own, so that Ctrl-C reaches us and not the store that the workers still need.
  const server = spawn('redis-server', flags, { stdio: 'ignore', detached: true });
  const ended = once(server, 'exit');
  await once(server, 'spawn').catch((cause: unknown) => {
    throw new Error('--redis needs REDIS_URL or a redis-server on the PATH.', { cause });
  });
  server.unref();
  const stopAtExit = () => signalProcess(server.pid ?? 0, 'SIGTERM');
  process.once('exit', stopAtExit);
  await waitUntilListening(port);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      process.removeListener('exit', stopAtExit);
      server.ref();
      server.kill('SIGTERM');
      await ended;
    },
  };
}

async function stopOrphan(pidFile: string, mark: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return;
  const facts = await describeProcess(pid);
  if (facts === null || !facts.command.includes(mark)) return;
  signalProcess(pid, 'SIGTERM');
  if (!(await waitUntilGone(pid, STOP_MS))) throw new Error(`The redis-server ${pid} cannot be stopped.`);
}

async function waitUntilListening(port: number): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
  throw new Error('redis-server does not start.');
}
