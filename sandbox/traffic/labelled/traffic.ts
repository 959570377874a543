import { createRandom } from '../../random.ts';
import { makeFraud } from './behaviours.ts';
import { splitBy } from './distributions.ts';
import { makeHonest } from './honest.ts';
import type { LabelledCall } from './labelled-call.ts';
import { planSchemes, type Scheme } from './schemes.ts';
import { type LabelledCampaign, type LabelledSupplier, makeWorld, type World } from './world.ts';

interface LabelledTrafficOptions {
  readonly seed: number;
  readonly calls: number;
  /** 0 to 1. */
  readonly fraudShare: number;
  readonly days: number;
  /** How careful every fraudster is, 0 to 1; each by itself where it is not given. */
  readonly evasion?: number;
  /** A midnight of UTC in winter; default is a Monday of January 2026. */
  readonly startsAtMs?: number;
}

export interface LabelledTraffic {
  readonly suppliers: readonly LabelledSupplier[];
  readonly campaigns: readonly LabelledCampaign[];
  /** In the order of their starts. */
  readonly calls: readonly LabelledCall[];
}

/**
 * Calls of which it is known whether they are fraud, and of which kind: docs/fraud.md says what they are drawn from. Pure:
 * the same options give the same calls.
 */
export function makeLabelledTraffic(options: LabelledTrafficOptions): LabelledTraffic {
  const { calls, fraudShare, days, evasion = null, startsAtMs = Date.UTC(2026, 0, 5) } = options;
  const world = makeWorld(createRandom(options.seed), { calls, days, startsAtMs });
  const fraudCalls = Math.round(calls * fraudShare);
  const honestSuppliers = [...world.suppliers];
  const schemes = planSchemes(world, fraudCalls, evasion);
  const counts = honestCounts(world, honestSuppliers, schemes, calls - fraudCalls);
  const made = [...makeHonest(world, counts), ...schemes.flatMap((scheme) => makeFraud(world, scheme))];
  made.sort((a, b) => a.startedAtMs - b.startedAtMs);
  return { suppliers: world.suppliers, campaigns: world.campaigns, calls: made };
}

/** What the schemes' suppliers have of honest calls, half of all at most; the others divide the rest by a power law. */
function honestCounts(
  { seed }: World,
  honestSuppliers: readonly LabelledSupplier[],
  schemes: readonly Scheme[],
  honestCalls: number,
): Map<LabelledSupplier, number> {
  const wanted = schemes.reduce((sum, scheme) => sum + scheme.honestCalls, 0);
  const scale = Math.min(1, honestCalls / 2 / Math.max(1, wanted));
  const counts = new Map<LabelledSupplier, number>();
  let given = 0;
  for (const scheme of schemes) {
    const ofScheme = Math.floor(scheme.honestCalls * scale);
    given += ofScheme;
    splitBy(
      ofScheme,
      scheme.suppliers.map(() => 1),
    ).forEach((count, index) => {
      const supplier = scheme.suppliers[index];
      if (supplier !== undefined && count > 0) counts.set(supplier, count);
    });
  }
  const sizes = honestSuppliers.map((_, rank) => (rank + 1) ** -seed.supplierSizeExponent);
  splitBy(honestCalls - given, sizes).forEach((count, index) => {
    const supplier = honestSuppliers[index];
    if (supplier !== undefined) counts.set(supplier, count);
  });
  return counts;
}
