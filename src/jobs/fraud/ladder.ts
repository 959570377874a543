import { bunching } from './signals/duration.ts';
import { leastShare } from './statistics.ts';

/** How a supplier stands: throttled, its calls beyond its usual hour are held; paused, all are; blocked, all are rejected. */
export const STANDINGS = ['active', 'throttled', 'paused', 'blocked'] as const;
export type Standing = (typeof STANDINGS)[number];

/** What is counted of calls over some days; see supabase/migrations for each. */
export interface Counts {
  readonly days: number;
  readonly calls: number;
  readonly answered: number;
  readonly hangups: number;
  /** Answered, and as long as their terms ask. */
  readonly payable: number;
  readonly inBand: number;
  readonly afterBand: number;
  readonly qualified: number;
  /** Whose signals alone come to what their rules reject from. */
  readonly fraudulent: number;
  readonly disputed: number;
}

export interface Stood {
  readonly standing: Standing;
  /** Its calls that started since it was last decided about: each step needs evidence of its own, and old calls speak once. */
  readonly since: Counts;
  /** What was found for the steps since it was active. */
  readonly movedFor: readonly string[];
  /** Its 28 days, and those of all suppliers: what is usual is what the others do. */
  readonly profile: Counts;
  readonly network: Counts;
}

/** One thing that speaks against a supplier, in numbers; `suspect` throttles it, `certain` goes further. */
export interface Finding {
  readonly of: 'bunching' | 'fraud' | 'hangups' | 'disputes';
  readonly grade: 'suspect' | 'certain';
  readonly observed: number;
  /** Of the smooth distribution, or of the other suppliers. */
  readonly expected: number;
  readonly calls: number;
  /** The chance of it where nothing is wrong; else what the share is at least (Wilson, 95 %). */
  readonly pValue?: number;
  readonly atLeast?: number;
}

export interface Move {
  readonly standing: Standing;
  /** The evidence in words. */
  readonly reason: string;
  readonly evidence: { readonly days: number; readonly calls: number; readonly findings: readonly Finding[] };
}

/** Fewer calls than these say nothing of a supplier: at 50 a share of a half is known to within a seventh. */
const LEAST_CALLS = 50;
/** Of calls near the minimum: at 30 the chance below needs 26 of them in the first seconds. */
const LEAST_NEAR_MINIMUM = 30;
/** So many days with calls, and nothing against them, lead one step down: all weekdays. A week of going on while paused, one up. */
const DAYS = 7;
/** Who was moved for disputes needs so many: the weekdays of four weeks, because buyers take their time. */
const DAYS_OF_DISPUTES = 20;
/** Without so many calls of others nobody knows what is usual, and these are taken: high, so that nobody is moved by chance. */
const LEAST_OF_OTHERS = 500;

/**
 * Bunching is judged by both its size and its chance: with thousands of calls each small deviation from a distribution that
 * nobody knows to a hundredth has a small chance. At one in a million, of a thousand honest suppliers that are looked at daily one
 * is throttled by chance in three years.
 */
const BUNCHING = {
  suspect: { observed: 0.6, chance: 1e-6 },
  certain: { observed: 0.75, chance: 1e-9 },
};

/** Shares: how far the least that it can be lies above what is usual, and what is usual where nobody knows. */
const SHARES = {
  /** A sixth of the calls more than others is no chance; with four in ten the rest is not worth listening to. */
  fraud: { suspect: 0.15, certain: 0.4, usual: 0.05, text: 'of its calls are fraud by their score' },
  /** A broken line or a wrong number does this too, so that it takes most calls to be certain. */
  hangups: { suspect: 0.3, certain: 0.6, usual: 0.15, text: 'of its answered calls are hung up within 10 s' },
  /** Buyers dispute few of the calls that deserve it. */
  disputes: {
    suspect: 0.05,
    certain: 0.2,
    usual: 0.01,
    text: 'of its paid calls were disputed with success',
  },
};

/**
 * What the calls of a supplier say of how it should stand; null leaves it as it stands. One step at a time. By rules none is
 * blocked that did not go on for a week while it was paused, and none comes back from that. Pure.
 */
export function judgeSupplier(stood: Stood): Move | null {
  const { standing, since } = stood;
  const findings = findingsOf(stood);
  const evidence = { days: since.days, calls: since.calls, findings };
  const to = (next: Standing, reason: string): Move => ({ standing: next, reason, evidence });
  const isCertain = findings.some(({ grade }) => grade === 'certain');
  const reason = findings.map(wordsOf).join('; ');
  if (findings.length > 0) {
    if (standing === 'active') return to('throttled', reason);
    if (standing === 'throttled' && isCertain) return to('paused', reason);
    return standing === 'paused' && isCertain && since.days >= DAYS ? to('blocked', reason) : null;
  }
  if (!isGood(stood) || standing === 'active' || standing === 'blocked') return null;
  return to(
    standing === 'paused' ? 'throttled' : 'active',
    `nothing speaks against its ${since.calls} calls of ${since.days} days`,
  );
}

/**
 * Whether its calls are enough to speak for it: calls that would be paid for, because others cost it nothing; and where disputes
 * were found before, calls that were, because no other is disputed. So rules lead nobody down from a pause for disputes, while
 * which nothing is paid: a person does.
 */
function isGood({ since, movedFor }: Stood): boolean {
  if (since.payable < LEAST_CALLS) return false;
  return movedFor.includes('disputes')
    ? since.days >= DAYS_OF_DISPUTES && since.qualified >= LEAST_CALLS
    : since.days >= DAYS;
}

function findingsOf({ since, profile, network }: Stood): Finding[] {
  const others = (of: (counts: Counts) => number) => Math.max(0, of(network) - of(profile));
  const share = (of: keyof typeof SHARES, part: (c: Counts) => number, whole: (c: Counts) => number) => {
    const { suspect, certain, usual } = SHARES[of];
    const calls = whole(since);
    if (calls < LEAST_CALLS) return [];
    // A call that was held when its date was counted may be paid for, and disputed, later.
    const hits = Math.min(part(since), calls);
    const expected = others(whole) < LEAST_OF_OTHERS ? usual : others(part) / others(whole);
    const atLeast = leastShare(hits, calls);
    const grade =
      atLeast >= expected + certain ? 'certain' : atLeast >= expected + suspect ? 'suspect' : null;
    return grade === null ? [] : [{ of, grade, observed: hits / calls, expected, calls, atLeast } as const];
  };
  return [
    ...bunchingOf(since),
    ...share(
      'fraud',
      ({ fraudulent }) => fraudulent,
      ({ calls }) => calls,
    ),
    ...share(
      'hangups',
      ({ hangups }) => hangups,
      ({ answered }) => answered,
    ),
    ...share(
      'disputes',
      ({ disputed }) => disputed,
      ({ qualified }) => qualified,
    ),
  ];
}

function bunchingOf(since: Counts): Finding[] {
  const found = bunching(since);
  if (found === null || found.calls < LEAST_NEAR_MINIMUM) return [];
  const { observed, expected, chance, calls } = found;
  const reaches = (bar: { observed: number; chance: number }) =>
    observed >= bar.observed && chance <= bar.chance;
  if (!reaches(BUNCHING.suspect)) return [];
  const grade = reaches(BUNCHING.certain) ? 'certain' : 'suspect';
  return [{ of: 'bunching', grade, observed, expected, calls, pValue: chance }];
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

function wordsOf({ of, observed, expected, calls, pValue, atLeast }: Finding): string {
  if (of === 'bunching')
    return `${percent(observed)} of its ${calls} calls within 15 s above the minimum are within 5 s of it, where ${percent(expected)} are expected (chance ${(pValue ?? 1).toExponential(0)})`;
  return `${percent(observed)} ${SHARES[of].text} (of ${calls}, at least ${percent(atLeast ?? 0)}), where ${percent(expected)} are usual`;
}
