import type { Backend } from '../house.ts';
import { tellHistory } from './history.ts';
import { judge, type SentCall, type Verdict } from './judge.ts';
import { describeScene } from './patience.ts';
import type { Phase } from './schedule.ts';
import type { Stage } from './steps.ts';

const MOST_HISTORIES = 10;

/** What `--json` prints of one house. */
export interface CampaignResult {
  readonly seed: number;
  readonly backend: Backend;
  /** Faults that were applied. */
  readonly kills: number;
  /** Different valid calls that were answered 202. */
  readonly accepted: number;
  readonly stored: number;
  readonly lost: number;
  readonly billedTwice: number;
  readonly paidTwice: number;
  readonly unbalanced: number;
  readonly orphanTransfers: number;
  /** Each as it died, also those that were replayed since and ended well. */
  readonly deadLetters: readonly DeadLetter[];
  /** Closes that are done. */
  readonly closes: number;
  readonly transfers: number;
  readonly audit: { readonly ok: boolean; readonly failures: readonly string[] };
  /** How often the rig made time pass for what only waited. */
  readonly nudges: number;
  /** Ends of processes that no fault ordered. */
  readonly ownEnds: Readonly<Record<string, number>>;
  readonly fullDisk: 'among the faults' | 'not possible here';
  readonly seconds: number;
  readonly ok: boolean;
}

export interface DeadLetter {
  readonly job: string;
  readonly key: string;
  readonly code: string;
}

/** Audit, counts and the simulator's own books at a quiet point; tells what is wrong with its history. */
export async function judgeHouse(
  stage: Stage,
  phase: Phase,
  accepted: readonly SentCall[],
): Promise<Verdict> {
  const { scene, failures, say } = stage;
  const verdict = await judge(scene, accepted);
  const { failures: broken } = await scene.house.audit(accepted);
  const { problems } = (await scene.house.control('GET', '/_sim/state')) as { problems: string[] };
  const news = [...broken, ...problems].map((text) => `${phase}: ${text}`);
  failures.push(...news);
  for (const text of news) say(`FAILED  ${text}`);
  const { lost, storedTwice, billedTwice, paidTwice, staleWrites, orphanTransfers, unbalanced } = verdict;
  for (const [what, ids] of Object.entries({ storedTwice, staleWrites }))
    if (ids.length > 0) failures.push(`${phase}: ${ids.length} ${what}`);
  const wrong = { lost, storedTwice, billedTwice, paidTwice, staleWrites, orphanTransfers, unbalanced };
  for (const [what, ids] of Object.entries(wrong)) {
    for (const id of ids.slice(0, MOST_HISTORIES))
      say(`${what}: ${await tellHistory(scene, id.split(' ').find((word) => word.length > 30) ?? id)}`);
  }
  if (news.length > 0) say(await describeScene(scene, phase));
  return verdict;
}

interface Ended {
  readonly options: {
    readonly seed: number;
    readonly backend: Backend;
    readonly kills: number;
    readonly closes: number;
  };
  readonly stage: Stage;
  readonly verdict: Verdict;
  readonly accepted: readonly SentCall[];
  readonly closes: number;
  readonly canFillDisk: boolean;
  readonly startedMs: number;
}

export function resultOf({
  options,
  stage,
  verdict,
  accepted,
  closes,
  canFillDisk,
  startedMs,
}: Ended): CampaignResult {
  const { scene, killer, patience, deadLetters, failures } = stage;
  const counts = {
    lost: verdict.lost.length,
    billedTwice: verdict.billedTwice.length,
    paidTwice: verdict.paidTwice.length,
    unbalanced: verdict.unbalanced.length,
    orphanTransfers: verdict.orphanTransfers.length,
  };
  const allZero = Object.values(counts).every((count) => count === 0);
  return {
    ...{ seed: options.seed, backend: options.backend, kills: killer.applied },
    ...{ accepted: accepted.length, stored: verdict.stored, ...counts, deadLetters },
    ...{ closes, transfers: verdict.transfers, audit: { ok: failures.length === 0, failures } },
    nudges: patience.nudges,
    ownEnds: Object.fromEntries(
      [...scene.keepers.values()]
        .filter(({ ownEnds }) => ownEnds > 0)
        .map(({ name, ownEnds }) => [name, ownEnds]),
    ),
    fullDisk: canFillDisk ? 'among the faults' : 'not possible here',
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    ok:
      allZero &&
      failures.length === 0 &&
      closes === options.closes &&
      verdict.transfers > 0 &&
      killer.applied === options.kills,
  };
}
