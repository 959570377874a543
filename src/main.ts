import { parseArgs } from 'node:util';
import { validateEnvironment } from './config.ts';
import { openRuntime, type Part, platformOf, type Runtime, untilStopped } from './runtime.ts';
import { startScheduler } from './scheduler.ts';
import { startServer } from './server.ts';
import { startWorker } from './worker.ts';

/** Server, worker and scheduler in one process. */
export async function startAll(runtime: Runtime): Promise<Part & { readonly url: string }> {
  // First, because a port that is taken is found before any job runs.
  const server = await startServer(runtime);
  const worker = await startWorker(runtime);
  const scheduler = await startScheduler(runtime);
  return {
    url: server.url,
    async close(deadlineMs) {
      await server.close(deadlineMs);
      await scheduler.close(deadlineMs);
      await worker.close(deadlineMs);
    },
  };
}

/** `npm start`: what is not configured is embedded and kept under `--data` (default `.callclear/`). */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: 'string', default: '.callclear' } } });
  const config = validateEnvironment();
  if (!Object.values(config.embedded).includes(true)) {
    const runtime = await openRuntime(config, platformOf(config));
    untilStopped(runtime, Promise.resolve(await startAll(runtime)));
    return;
  }
  // Not in a production install: the embedded parts are devDependencies.
  const { startEmbedded } = await import('../sandbox/embedded.ts');
  const embedded = await startEmbedded({ config, dataDir: values.data });
  const { runtime, part } = await startOn(embedded).catch(async (error: unknown) => {
    // A port that is taken must not leave a database behind.
    await embedded.close();
    throw error;
  });
  console.log(`Bull Board: ${part.url}/ops/queues  user: ops  password: ${embedded.config.opsPasswords[0]}`);
  const close = () => runtime.close().then(embedded.close);
  untilStopped({ ...runtime, close }, Promise.resolve(part));
}

async function startOn({ config, platform }: Pick<Runtime, 'config' | 'platform'>) {
  const runtime = await openRuntime(config, platform);
  try {
    return { runtime, part: await startAll(runtime) };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(`cannot start: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  });
}
