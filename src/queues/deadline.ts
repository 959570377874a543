/** Settles as `work` does, or rejects with `late()` after `deadlineMs`; the work itself goes on unwatched. */
export async function withDeadline<T>(work: Promise<T>, deadlineMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), deadlineMs);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** True when `work` settled within `deadlineMs`, whichever way. For shutdown, where nothing may hang or throw. */
export async function settledWithin(work: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  const settled = work.then(
    () => true,
    () => true,
  );
  return withDeadline(settled, deadlineMs, () => new Error('late')).catch(() => false);
}
