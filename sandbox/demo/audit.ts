import { openAudit } from '../../src/audit/audit.ts';
import type { DemoResult } from './result.ts';
import type { DemoStack } from './stack.ts';
import type { Played } from './steps.ts';

/** The independent audit over the demo's books, and what the simulator says of its own. */
export async function auditDemo(
  { runtime, embedded }: DemoStack,
  { days }: Played,
): Promise<DemoResult['audit'] & { readonly checks: number }> {
  const { platform } = runtime;
  const sent = days.flatMap(({ calls }) => calls.map(({ source, externalId }) => ({ source, externalId })));
  const { failures, checks } = await openAudit(platform).run({ nowMs: platform.clock.nowMs(), sent });
  const all = [...failures, ...embedded.simulator.journal.check()];
  return { ok: all.length === 0, failures: all, checks: checks.length };
}
