import { parseArgs } from 'node:util';
import { createStripeSimulator } from './simulator.ts';

/** The simulator as a process of its own. Prints one line of JSON, `{ url }`, when it serves. */
const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    port: { type: 'string', default: '0' },
    key: { type: 'string', default: 'sk_test_simulator' },
    'webhook-url': { type: 'string' },
    'webhook-secret': { type: 'string' },
    'start-ms': { type: 'string' },
  },
});
if (values.data === undefined) throw new Error('--data must name a directory.');
const { 'webhook-url': url, 'webhook-secret': secret, 'start-ms': startMs } = values;
const simulator = await createStripeSimulator({
  dataDir: values.data,
  port: Number(values.port),
  secretKey: values.key,
  webhook: url === undefined || secret === undefined ? null : { url, secret },
  ...(startMs === undefined ? {} : { startMs: Number(startMs) }),
});
console.log(JSON.stringify({ url: simulator.url }));
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => void simulator.close().then(() => process.exit(0)));
}
