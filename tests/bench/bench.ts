import { parseArgs } from 'node:util';
import '../../src/node-version.ts';
import { benchFraud } from './fraud.ts';
import { benchFraudQuality } from './fraud-quality.ts';
import { seedsOf, trainFraud } from './fraud-train.ts';
import { benchPayouts } from './payouts.ts';
import { benchReconcile } from './reconcile.ts';
import { benchTrace } from './trace.ts';

const USAGE = `npm run bench -- payouts [--suppliers 2500] [--seed 1] [--backend postgres|redis] [--json]
npm run bench -- reconcile [--rows 1000000] [--seed 1] [--json]
npm run bench -- trace [--calls 10000000] [--seed 1] [--json]
npm run bench -- fraud [--calls 5000000] [--seed 1] [--json]
npm run bench -- fraud-quality [--calls 200000] [--seed 1] [--memory] [--json]
npm run bench -- fraud-train [--seeds 1-14] [--calls 200000] [--trees 300] [--leaves 12] [--json]`;

/** Measures what the docs promise in numbers; prints one JSON object with --json. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      suppliers: { type: 'string', default: '2500' },
      rows: { type: 'string', default: '1000000' },
      calls: { type: 'string' },
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1-14' },
      memory: { type: 'boolean', default: false },
      ...{ trees: { type: 'string', default: '300' }, leaves: { type: 'string', default: '12' } },
      backend: { type: 'string', default: 'postgres' },
      json: { type: 'boolean', default: false },
    },
  });
  const { backend } = values;
  const [name] = positionals;
  if (positionals.length !== 1 || (backend !== 'postgres' && backend !== 'redis')) refuse();
  const common = { seed: Number(values.seed), say: (line: string) => void process.stderr.write(`${line}\n`) };
  const benches: Record<string, () => Promise<object>> = {
    payouts: () => benchPayouts({ ...common, suppliers: Number(values.suppliers), backend }),
    reconcile: () => benchReconcile({ ...common, rows: Number(values.rows) }),
    trace: () => benchTrace({ ...common, calls: Number(values.calls ?? 10_000_000) }),
    fraud: () => benchFraud({ ...common, calls: Number(values.calls ?? 5_000_000) }),
    'fraud-quality': () =>
      benchFraudQuality({
        ...{ ...common, memory: values.memory, calls: Number(values.calls ?? 200_000) },
        ...{ fraudShare: 0.15, days: 35 },
      }),
    'fraud-train': () =>
      trainFraud({
        ...{ say: common.say, seeds: seedsOf(values.seeds), calls: Number(values.calls ?? 200_000) },
        ...{ trees: Number(values.trees), leaves: Number(values.leaves) },
      }),
  };
  const result = await (benches[name ?? ''] ?? refuse)();
  if (values.json) console.log(JSON.stringify(result));
  else
    for (const [name, value] of Object.entries(result))
      console.log(`${name.padEnd(18)} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
}

function refuse(): never {
  process.stderr.write(`${USAGE}\n`);
  process.exit(1);
}

process.setMaxListeners(0);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
await main();
