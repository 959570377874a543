/** Lets `width` pieces of work run at once; the others wait in order. */
export function createGate(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= width) await new Promise<void>((resolve) => queue.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      // A waiting one takes over the place; only without one is the place free.
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

interface Held<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects items until there are `size` of them or `waitMs` have passed since the first, and runs them together.
 *
 * `run` answers with one result or error for each item, in order.
 */
export function createBatcher<Item, Result>({
  size,
  waitMs,
  run,
}: {
  readonly size: number;
  readonly waitMs: number;
  readonly run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
}): (item: Item) => Promise<Result> {
  let held: Held<Item, Result>[] = [];
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const batch = held;
    held = [];
    const results = await run(batch.map(({ item }) => item)).catch((error: unknown) =>
      batch.map(() => asError(error)),
    );
    for (const [index, { resolve, reject }] of batch.entries()) {
      const result = results[index];
      if (result === undefined) reject(new Error('the batch returned no result for an item'));
      else if (result instanceof Error) reject(result);
      else resolve(result);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      held.push({ item, resolve, reject });
      if (held.length >= size) void flush();
      else timer ??= setTimeout(() => void flush(), waitMs);
    });
}

/**
 * Runs a batch; when it fails as a whole, runs its halves, down to the one item that is the cause.
 *
 * `isShared` tells the failures that splitting cannot help: they count for every item.
 */
export async function runSplitting<Item, Result>(
  items: readonly Item[],
  run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>,
  isShared: (error: unknown) => boolean,
): Promise<readonly (Result | Error)[]> {
  try {
    return await run(items);
  } catch (error) {
    if (items.length === 1 || isShared(error)) return items.map(() => asError(error));
    const middle = Math.ceil(items.length / 2);
    const first = await runSplitting(items.slice(0, middle), run, isShared);
    return [...first, ...(await runSplitting(items.slice(middle), run, isShared))];
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('a thrown value that is no error', { cause: reason });
}
