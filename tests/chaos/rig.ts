import { inspect } from 'node:util';
import '../../src/node-version.ts';
import { runCampaign } from './rig/campaign.ts';
import { parseOptions, type RigOptions, USAGE } from './rig/options.ts';
import type { CampaignResult } from './rig/result.ts';

/** Runs the campaigns that the options ask for, one house after another; true when all of them ended well. */
async function run({ backends, kills, perHouse, seed, calls, keep, json }: RigOptions): Promise<boolean> {
  const results: CampaignResult[] = [];
  let ok = true;
  for (const backend of backends) {
    for (let round = 0; round === 0 || round * perHouse < kills; round += 1) {
      const campaign = {
        ...{ seed: seed + round, kills: Math.min(perHouse, kills - round * perHouse), calls, backend },
      };
      const command = `npm run chaos -- --kills ${campaign.kills} --seed ${campaign.seed} --calls ${calls} --backend ${backend} --keep`;
      const startedMs = performance.now();
      const say = (line: string) =>
        process.stderr.write(
          `${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${line}\n`,
        );
      try {
        const result = await runCampaign({ ...campaign, keep, say });
        results.push(result);
        if (!json) console.log(describe(result));
        if (!result.ok) process.stderr.write(`To run it again: ${command}\n`);
        ok &&= result.ok;
      } catch (error) {
        ok = false;
        process.stderr.write(`${inspect(error)}\nTo run it again: ${command}\n`);
      }
    }
  }
  if (json) console.log(JSON.stringify(results.length === 1 ? results[0] : { ok, rounds: results }));
  return ok;
}

function describe(result: CampaignResult): string {
  const { deadLetters, audit, ownEnds, ok, ...counts } = result;
  const numbers = Object.entries(counts).map(([name, value]) => `${name} ${value}`);
  return [
    `${ok ? 'ok' : 'FAILED'}: ${numbers.join(', ')}`,
    ...deadLetters.map(({ job, key, code }) => `  dead letter: ${job} ${key} ${code}`),
    ...Object.entries(ownEnds).map(([name, count]) => `  ${name} ended ${count} times by itself`),
    ...audit.failures.map((failure) => `  FAILED  ${failure}`),
  ].join('\n');
}

function readOptions(): RigOptions | 'help' {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    process.exit(1);
  }
}

// Each restart of the database leaves a listener that stops it at the end.
process.setMaxListeners(0);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
const options = readOptions();
if (options === 'help') console.log(USAGE);
else process.exit((await run(options)) ? 0 : 1);
