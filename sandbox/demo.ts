import '../src/node-version.ts';
import { untilStopped } from '../src/runtime.ts';
import { auditDemo } from './demo/audit.ts';
import { createDisplay } from './demo/display.ts';
import { openBooks } from './demo/numbers.ts';
import { type DemoOptions, parseOptions, USAGE } from './demo/options.ts';
import { describe } from './demo/report.ts';
import { findFaults, resultOf } from './demo/result.ts';
import { type DemoStack, startStack } from './demo/stack.ts';
import { playDays } from './demo/steps.ts';

const round = (ms: number) => Math.round(ms / 100) / 10;

/** Plays the demo on a stack that runs; true when audit and counts are in order. */
async function play(stack: DemoStack, options: DemoOptions, startMs: number): Promise<boolean> {
  const display = createDisplay(process.stderr);
  const books = await openBooks(stack.embedded.postgres.adminUrl);
  try {
    const played = await playDays({ stack, books, display });
    const { checks, ...audit } = await auditDemo(stack, played);
    const seconds = {
      start: round(startMs),
      ingest: round(played.ingestMs),
      close: round(played.closeMs),
      total: round(performance.now()),
    };
    const { simulator } = stack.embedded;
    const result = resultOf({ played, numbers: await books.numbers(), simulator, audit, seconds });
    const faults = findFaults(result, played);
    if (options.json) for (const fault of faults) display.say(`FAILED  ${fault}`);
    console.log(
      options.json
        ? JSON.stringify(result)
        : describe({ result, played, details: await books.details(), faults, checks }),
    );
    return audit.ok && faults.length === 0;
  } finally {
    await books.close();
  }
}

/** Set by the first signal: what fails from then on fails because it is being stopped. */
let isStopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    isStopping = true;
  });
}

async function run(options: DemoOptions): Promise<void> {
  const stack = await startStack(options);
  if (isStopping) {
    await stack.close();
    process.exit(0);
  }
  const startMs = performance.now();
  untilStopped(stack.runtime, Promise.resolve(stack));
  const board = `Bull Board  ${stack.boardUrl}   user: ops   password: ${stack.boardPassword}`;
  process.stderr.write(`callclear at ${stack.url}\n${board}\n\n`);
  try {
    if (!(await play(stack, options, startMs))) process.exitCode = 1;
  } catch (error) {
    // Then the stop that is under way closes everything and ends the process.
    if (isStopping) return;
    await stack.close().catch(() => undefined);
    throw error;
  }
  if (options.exit) {
    await stack.close();
    process.exit();
  }
  if (!options.json) console.log(`\n${board}\nCtrl-C ends it.`);
}

function readOptions(): DemoOptions | 'help' {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    process.exit(1);
  }
}

const options = readOptions();
if (options === 'help') console.log(USAGE);
else {
  await run(options).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
}
