import { describe, expect, test } from 'vitest';
import { BACKENDS } from './backends.ts';
import { runCampaign } from './rig/campaign.ts';

// Each restart of the database leaves a listener that stops it at the end, and a warning about so many would be thrown.
process.setMaxListeners(0);

const KILLS = 25;
const CALLS = 300;
/** Longer than the rig's own patience, so that a campaign that hangs is told by its account. */
const TIMEOUT_MS = 600_000;

describe.each(BACKENDS)('three nights under 25 faults, with the queue on %s', (backend) => {
  test(
    'lose no accepted call, bill and pay nothing twice, and balance',
    async () => {
      const said: string[] = [];
      const campaign = { seed: 1, kills: KILLS, calls: CALLS, backend, keep: false };
      const result = await runCampaign({ ...campaign, say: (line) => said.push(line) });
      expect(result, said.join('\n')).toMatchObject({
        ...{ kills: KILLS, accepted: CALLS, stored: CALLS, closes: 5 },
        ...{ lost: 0, billedTwice: 0, paidTwice: 0, unbalanced: 0, orphanTransfers: 0 },
        audit: { ok: true, failures: [] },
        ok: true,
      });
      expect(result.transfers).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
