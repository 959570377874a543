import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { validateEnvironment } from '../config.ts';
import { PermanentError } from '../errors.ts';
import { createLogger } from '../log.ts';
import { openRuntime, platformOf, type Runtime } from '../runtime.ts';

/** What a command works with; `isAlone` when no other process works on the queue. */
export interface Session {
  readonly runtime: Runtime;
  readonly isAlone: boolean;
  /** The time for what only shows, which may go on after its machine slept; the runtime's clock ends the process then. */
  nowMs(): number;
  close(): Promise<void>;
}

/** Refuses what is typed wrongly before anything is opened. */
const typed = (schema: z.ZodType<string>, wanted: string) => (text: string) => {
  if (schema.safeParse(text).success) return text;
  throw new InvalidArgumentError(`It must be ${wanted}.`);
};
/** Every date after the oldest close gets its row: a year that lost its digits would make hundreds of thousands. */
export const asDate = typed(
  z.iso.date().refine((date) => date >= '2000-01-01'),
  'a date from 2000 on, YYYY-MM-DD',
);
export const asMonth = typed(
  z.string().refine((month) => z.iso.date().safeParse(`${month}-01`).success && month >= '2000-01'),
  'a month from 2000 on, YYYY-MM',
);
export const asInstant = typed(
  z.union([z.iso.date(), z.iso.datetime({ offset: true })]),
  'a date or an instant, such as 2026-03-01 or 2026-03-01T06:00:00Z',
);
export const asReason = typed(z.string().trim().min(1), 'a reason');
export const asLetterId = typed(z.string().regex(/^[0-9]{1,15}$/), 'the number of a dead letter');
export const asUuid = typed(z.uuid().toLowerCase(), 'an id as the log and the board show it');

export const program = new Command('callclear')
  .description('The operator’s command line. Reads the same environment as the server.')
  .option('--data <dir>', 'data directory of the embedded parts, where nothing is configured', '.callclear')
  .option('--by <name>', 'who acts, for the audit log', userInfo().username);

/**
 * Opens a session, runs the command, prints what it returns (only its `text`, where it has one; nothing of nothing), closes. Exit
 * status 1 when it returns `ok: false` or throws.
 */
export async function act(command: (session: Session, by: string) => Promise<unknown>): Promise<void> {
  const { data, by } = z.object({ data: z.string(), by: z.string().min(1) }).parse(program.opts());
  let session: Session | null = null;
  try {
    session = await openSession(data);
    const result = await command(session, by);
    const isObject = typeof result === 'object' && result !== null;
    const text = isObject && 'text' in result ? result.text : result;
    if (text !== undefined) console.log(typeof text === 'string' ? text : JSON.stringify(result, null, 2));
    if (isObject && 'ok' in result && result.ok === false) process.exitCode = 1;
  } catch (error) {
    console.error(describeError(error));
    process.exitCode = 1;
  } finally {
    await session?.close();
  }
}

/** One line for a person; what was typed wrongly is told without the schema behind it. */
function describeError(error: unknown): string {
  if (error instanceof z.ZodError) return `ARGUMENT_INVALID: ${z.prettifyError(error)}`;
  if (error instanceof InvalidArgumentError) return `ARGUMENT_INVALID: ${error.message}`;
  const { code, message } = z.object({ code: z.string().default('ERROR'), message: z.string() }).parse(error);
  return `${code}: ${message}`;
}

async function openSession(dataDir: string): Promise<Session> {
  const config = validateEnvironment();
  const log = createLogger({ level: 'error', destination: process.stderr });
  if (!Object.values(config.embedded).includes(true)) {
    const runtime = await openRuntime(config, platformOf(config), log);
    return { runtime, isAlone: false, nowMs: () => Date.now(), close: runtime.close };
  }
  const { attachEmbedded, startEmbedded } = await import('../../sandbox/embedded.ts');
  // A directory that is typed wrongly would else be made, and its empty books found in order.
  if (!existsSync(dataDir))
    throw new PermanentError('CONFIG_INVALID', `There is no data in ${dataDir}: \`npm start\` makes it.`);
  const running = await attachEmbedded({ config, dataDir });
  const embedded = running ?? (await startEmbedded({ config, dataDir }));
  const runtime = await openRuntime(embedded.config, embedded.platform, log);
  return {
    runtime,
    isAlone: running === null,
    nowMs: () => embedded.platform.clock.nowMs(),
    async close() {
      await runtime.close();
      await embedded.close();
    },
  };
}
