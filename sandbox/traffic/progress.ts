import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

const schema = z.strictObject({
  /** Deliveries before this one, in the order of the plan, have been answered. */
  answered: z.int().nonnegative(),
  /** Answers that were not the expected ones. */
  surprises: z.array(z.strictObject({ index: z.int(), kind: z.string(), statusCode: z.int() })),
});
export type Progress = z.infer<typeof schema>;

export const NOTHING_SENT: Progress = { answered: 0, surprises: [] };

/** A small JSON file that is whole at any moment: it is written under another name and renamed. */
export interface DurableFile<T> {
  /** Null when it was never written. */
  read(): Promise<T | null>;
  /** On the disk when it resolves. */
  write(value: T): Promise<void>;
}

export function openDurableFile<T>(path: string, shape: z.ZodType<T>): DurableFile<T> {
  return {
    async read() {
      try {
        return shape.parse(JSON.parse(await readFile(path, 'utf8')));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
    async write(value) {
      await mkdir(dirname(path), { recursive: true });
      const draft = await open(`${path}.draft`, 'w', 0o600);
      try {
        await draft.writeFile(JSON.stringify(value));
        await draft.sync();
      } finally {
        await draft.close();
      }
      await rename(`${path}.draft`, path);
    },
  };
}

/** How far the sending of a plan has come. */
export function openProgress(path: string): DurableFile<Progress> {
  return openDurableFile(path, schema);
}
