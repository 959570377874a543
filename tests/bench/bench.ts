import { parseArgs } from 'node:util';
import '../../src/node-version.ts';
import { benchPayouts } from './payouts.ts';

const USAGE = `npm run bench -- payouts [--suppliers 2500] [--seed 1] [--backend postgres|redis] [--json]`;

/** Measures what the docs promise in numbers; prints one JSON object with --json. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      suppliers: { type: 'string', default: '2500' },
      seed: { type: 'string', default: '1' },
      backend: { type: 'string', default: 'postgres' },
      json: { type: 'boolean', default: false },
    },
  });
  const { backend } = values;
  if (positionals.join() !== 'payouts' || (backend !== 'postgres' && backend !== 'redis')) {
    process.stderr.write(`${USAGE}\n`);
    process.exit(1);
  }
  const result = await benchPayouts({
    ...{ suppliers: Number(values.suppliers), seed: Number(values.seed), backend },
    say: (line) => void process.stderr.write(`${line}\n`),
  });
  if (values.json) console.log(JSON.stringify(result));
  else for (const [name, value] of Object.entries(result)) console.log(`${name.padEnd(18)} ${String(value)}`);
}

process.setMaxListeners(0);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
await main();
