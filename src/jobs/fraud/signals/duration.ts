import { between, type CallFacts, measured, type Signal } from '../signal.ts';
import { chanceOfAtLeast } from '../statistics.ts';

/** Fewer calls than this say nothing. */
const LEAST = 10;

/**
 * The evidence that a supplier's calls gather just above the minimum: of those within 15 seconds above it, the share of the first
 * five seconds against the third that a smooth distribution would have there, or a little more, because longer calls are fewer.
 */
export function bunching({ inBand, afterBand }: { readonly inBand: number; readonly afterBand: number }) {
  const calls = inBand + afterBand;
  if (calls < LEAST) return null;
  const expected = 0.42;
  const chance = chanceOfAtLeast(inBand, calls, expected);
  return { observed: inBand / calls, expected, chance, calls };
}

/** From 0 at one in a thousand to 1 at one in a hundred million. */
const unlikely = (chance: number) => between(-Math.log10(Math.max(chance, 1e-300)), 3, 8);

/** How long calls are. */
export const durationSignals: readonly Signal[] = [
  {
    name: 'threshold-bunching',
    version: 1,
    text: "the call is as long as is just paid for, and so are too many of the supplier's",
    measure(call) {
      const beyondS = call.terms === null ? -1 : call.durationS - call.terms.minDurationS;
      if (beyondS < 0 || beyondS >= 5) return null;
      const found = [bunching(call.supplier), call.profile === null ? null : bunching(call.profile)];
      const [worst] = found.filter((one) => one !== null).sort((a, b) => a.chance - b.chance);
      if (worst === undefined) return null;
      const { observed, expected, chance, calls } = worst;
      return measured(unlikely(chance), { observed, expected, pValue: chance, calls });
    },
  },
  {
    name: 'identical-durations',
    version: 1,
    text: "too many of the supplier's calls are as long as this one, to the second",
    measure({ answered, supplier: { sameDuration, nearDuration } }) {
      // Of the 31 seconds around it three; where durations are smooth these have their share of the calls.
      if (!answered || sameDuration < 4) return null;
      const chance = chanceOfAtLeast(sameDuration, nearDuration, 3 / 31 + 0.05);
      return measured(unlikely(chance), { same: sameDuration, near: nearDuration, pValue: chance });
    },
  },
  {
    name: 'short-hangups',
    version: 1,
    text: "many of the supplier's calls are hung up within ten seconds",
    measure: (call) => hangups(call),
  },
];

function hangups({ supplier, network }: CallFacts) {
  if (supplier.answered < 20) return null;
  const share = supplier.hangups / supplier.answered;
  const usual = network === null || network.answered < 100 ? 0.15 : network.hangups / network.answered;
  return measured(between(share, usual + 0.2, usual + 0.6), { share, usual, calls: supplier.answered });
}
