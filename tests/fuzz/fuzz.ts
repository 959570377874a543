import '../../src/node-version.ts';
import { parseArgs } from 'node:util';
import { fuzz } from './run.ts';

const USAGE = `npm run fuzz -- [options]

  --count N   how many requests (100000)
  --seed S    the same seed gives the same requests (now)
  --json      print one JSON object and nothing else`;

/** Exits with 1 when a request crashed a receiver, was answered 5xx, or was accepted without being signed, and when not all were tried. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [count, seed] = [Number(values.count), Number(values.seed)];
  const isWhole = Number.isInteger(seed) && Number.isInteger(count) && count > 0;
  if (values.help || !isWhole) {
    process.stderr.write(`${USAGE}\n`);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  const startedMs = performance.now();
  let told = 0;
  const result = await fuzz({
    count,
    seed,
    onFinding(kind, request) {
      if (++told <= 20) process.stderr.write(`${kind}: ${request}\n`);
    },
  });
  const { tried, crashes, serverErrors, forgedAccepted, accepted, brokenOff } = result;
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  if (values.json)
    console.log(
      JSON.stringify({ tried, crashes, serverErrors, forgedAccepted, accepted, brokenOff, seed, seconds }),
    );
  else
    console.log(
      `Seed ${seed}: ${tried} requests in ${seconds} s, ${accepted} accepted as signed, ${forgedAccepted} forged; ${crashes} crashes, ${serverErrors} server errors.`,
    );
  if (brokenOff !== null) process.stderr.write(`The fuzz broke off after ${tried}: ${brokenOff}\n`);
  if (crashes + serverErrors + forgedAccepted > 0 || tried < count || brokenOff !== null)
    process.exitCode = 1;
}

await main();
