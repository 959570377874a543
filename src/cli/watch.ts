import { act, program } from './session.ts';
import { lineOf, openLine } from './watch-lines.ts';
import { watchNews } from './watch-news.ts';

/** So long at most it takes until what is polled is shown. */
const POLL_MS = 5_000;

program
  .command('watch')
  .description(
    'what waits for a person and what changes, a line for each as it happens, until it is interrupted: breaks, calls for review, dead letters, proposals of terms, terms',
  )
  .option('--once', 'tell how much stands open, and end')
  .option('--json', 'a JSON object a line')
  .action(({ once, json = false }: { once?: true; json?: boolean }) =>
    act(async ({ runtime: { services, platform, config, log }, nowMs }) => {
      const { news } = services;
      if (once === true) return { text: openLine(await news.countOpen(nowMs()), nowMs(), json) };
      const interrupted = untilInterrupted();
      const watching = await watchNews({
        ...{ news, nowMs },
        realtime: {
          ...{ ...platform.database, isOn: config.realtime, pollMs: POLL_MS },
          onFailure: ({ operation, code, error }) =>
            log.warn({ provider: 'realtime', operation, code, err: error }, 'integration failed'),
        },
        onOpen: (open) => console.log(openLine(open, nowMs(), json)),
        onNews: (one) => console.log(lineOf(one, json)),
        onAway: (code) =>
          console.error(
            code === null
              ? 'Everything can be read again.'
              : `${code}: it cannot be read, and is tried again.`,
          ),
      });
      await interrupted;
      await watching.close();
      return undefined;
    }),
  );

/** Also by whoever read what it prints and has gone. */
function untilInterrupted(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  process.stdout.on('error', () => resolve());
  return promise;
}
