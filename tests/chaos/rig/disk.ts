import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system in memory of its own, under a data directory, that can be made full. */
export interface SmallDisk {
  fill(): Promise<void>;
  empty(): Promise<void>;
  remove(): Promise<void>;
}

const ROOM_BYTES = 2 ** 31;
const SLACK_BYTES = 2 ** 18;
const MOST_TRIES = 50;

/** It takes only what is written to it. Full means: shrunk to what it holds, which costs no memory. */
export async function mountDisk(path: string): Promise<SmallDisk> {
  await mkdir(path, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${ROOM_BYTES},mode=0711`, 'tmpfs', path]);
  const unmountAtExit = () => {
    try {
      execFileSync('umount', ['-l', path], { stdio: 'ignore' });
    } catch {
      // It was unmounted before.
    }
  };
  process.once('exit', unmountAtExit);
  const resize = (bytes: number) => run('mount', ['-o', `remount,size=${bytes}`, path]);
  return {
    async fill() {
      for (let tries = MOST_TRIES; ; tries -= 1) {
        const { blocks, bfree, bsize } = await statfs(path);
        try {
          await resize((blocks - bfree) * bsize + SLACK_BYTES);
          return;
        } catch (error) {
          // More was written between the look and the shrinking: smaller than what it holds it cannot become.
          if (tries === 0) throw error;
        }
      }
    },
    empty: async () => void (await resize(ROOM_BYTES)),
    async remove() {
      process.removeListener('exit', unmountAtExit);
      unmountAtExit();
    },
  };
}

/** Whether this machine lets us: it takes Linux and root. */
export async function canMount(): Promise<boolean> {
  const path = await mkdtemp(join(tmpdir(), 'callclear-disk-'));
  try {
    const disk = await mountDisk(path);
    await disk.remove();
    return true;
  } catch {
    return false;
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}
