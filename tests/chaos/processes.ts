import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT } from '../helpers/migrations.ts';

/** A process that a test starts, kills, stops and starts again under the same name. */
export interface Managed {
  readonly name: string;
  readonly pid: number;
  /** What it printed so far, both streams, by line. */
  readonly lines: readonly string[];
  isAlive(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal's name when it died of one. */
  readonly ended: Promise<number | string>;
  /** Resolves when a line contains the text; rejects when it ends before, or at the deadline. */
  waitForLine(text: string, deadlineMs?: number): Promise<string>;
}

interface StartOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it prints is appended to `<name>.log` here too. */
  readonly logDir?: string;
}

/** Starts with exactly this environment beside PATH and HOME, so that nothing of the machine leaks in. */
export function startProcess({ name, command, args, env, logDir }: StartOptions): Managed {
  const { PATH = '', HOME = '/tmp' } = process.env;
  const child = spawn(command, args, {
    cwd: PROJECT,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const log = logDir === undefined ? null : createWriteStream(join(logDir, `${name}.log`), { flags: 'a' });
  log?.on('error', () => undefined);
  child.once('close', () => log?.end());
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      log?.write(`${line}\n`);
    });
  }
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  // Not at its exit: what it printed last may still be on its way.
  const ended = once(child, 'close').then(([code, signal]) => {
    process.removeListener('exit', killAtExit);
    return (signal ?? code) as number | string;
  });
  return {
    name,
    pid: child.pid ?? 0,
    lines,
    ended,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    signal: (signal) => void child.kill(signal),
    waitForLine: (text, deadlineMs = 120_000) => waitForLine(child, name, lines, text, deadlineMs),
  };
}

async function waitForLine(
  child: ChildProcess,
  name: string,
  lines: readonly string[],
  text: string,
  deadlineMs: number,
): Promise<string> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const found = lines.find((line) => line.includes(text));
    if (found !== undefined) return found;
    const isOver = child.exitCode !== null || child.signalCode !== null;
    if (isOver || performance.now() > until) {
      const state = isOver ? 'ended' : 'is silent';
      throw new Error(`${name} ${state} before it said "${text}":\n${lines.slice(-20).join('\n')}`);
    }
    await sleep(20);
  }
}
