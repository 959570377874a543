import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ProcessFacts {
  /** The whole command line. */
  readonly command: string;
  /** When it started, in the system's own form: tells a process from a later one with the same id. */
  readonly started: string;
}

/** What runs under this id; null when nothing does. A process that has ended and was not yet collected counts as gone. */
export async function describeProcess(pid: number): Promise<ProcessFacts | null> {
  return process.platform === 'linux' ? describeByProc(pid) : describeByPs(pid);
}

/** Slim images have no `ps`, so Linux is read from /proc. */
async function describeByProc(pid: number): Promise<ProcessFacts | null> {
  try {
    const [command, stat] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // The second field is the program's name in parentheses and may hold spaces: count from the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return null;
    return { command: command.split('\0').join(' ').trim(), started: fields[19] ?? '' };
  } catch {
    return null;
  }
}

async function describeByPs(pid: number): Promise<ProcessFacts | null> {
  try {
    const [command, started] = await Promise.all(
      ['args=', 'lstart='].map((field) => run('ps', ['-o', field, '-p', String(pid)])),
    );
    const text = command?.stdout.trim() ?? '';
    return text === ''
      ? null
      : { command: text, started: (started?.stdout ?? '').replaceAll(' ', '').trim() };
  } catch {
    return null;
  }
}

/** Sends a signal; a process that is already gone is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** True when the process is gone within the time. */
export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while ((await describeProcess(pid)) !== null) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}
