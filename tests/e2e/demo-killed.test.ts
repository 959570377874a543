import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../sandbox/random.ts';
import { demoBackends, demoDate, runDemo, startDemo } from '../helpers/demo.ts';

/** [day, what it is doing then]: five moments for each backend, in the order in which the demo passes them. */
const MOMENTS = [
  [0, 'sending calls'],
  [0, 'nightly close'],
  [1, 'sending calls'],
  [2, 'nightly close'],
  [3, 'nightly close'],
] as const;

/** Calls of these ninety that no webhook reports. */
const LOST = 4;

describe.each(demoBackends())('the demo on $name', ({ name, flags }) => {
  let dataDir = '';
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'callclear-killed-'));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  test('that is killed five times, while it takes calls and while it closes, ends with right books', async () => {
    const args = ['--calls', '90', '--seed', '11', '--data', dataDir, ...flags];
    const random = createRandom(name.length);
    const said: string[] = [];
    for (const [day, doing] of MOMENTS) {
      const run = startDemo([...args, '--exit', '--json']);
      await run.waitForLine('callclear at');
      await run.waitForLine(`${await demoDate(dataDir, day)}  ${doing}`);
      // Not a wait for something to happen: the moment itself, drawn from the seed.
      await sleep(random.between(0, 300));
      run.child.kill('SIGKILL');
      await run.ended;
      expect(run.child.signalCode, run.said()).toBe('SIGKILL');
      said.push(run.said());
    }
    const { result, status } = await runDemo(args);
    const story = said.join('\n--- killed ---\n');
    expect(result.audit, story).toEqual({ ok: true, failures: [] });
    expect(result.deadLetters, story).toBe(0);
    const { lost, recovered } = result.calls;
    expect(result.calls).toMatchObject({ sent: 90, accepted: 90 - lost, stored: 90 });
    expect({ lost, recovered }).toEqual({ lost: LOST, recovered: LOST });
    expect(result.payouts.duplicates).toBe(0);
    expect(result.payouts.sent).toBeGreaterThan(6);
    expect(status, story).toBe(0);
  });
});
