import { between, type CallFacts, type Lengths, measured, type Signal } from '../signal.ts';
import { chanceOfAtLeast, unlikely } from '../statistics.ts';

/** Fewer calls than this say nothing. */
const LEAST = 6;
/** A campaign of fewer payable calls has the shares of most campaigns. */
const LEAST_OF_CAMPAIGN = 60;

/** How far above the minimum, in seconds; the share of payable calls there that most campaigns have; the least that is assumed. */
const BANDS = [
  { withinS: 5, count: 'within5', usual: 0.05, least: 0.04 },
  { withinS: 15, count: 'within15', usual: 0.12, least: 0.08 },
  { withinS: 30, count: 'within30', usual: 0.2, least: 0.12 },
  { withinS: 60, count: 'within60', usual: 0.35, least: 0.2 },
] as const;
/** How far above the minimum calls of each length go. */
const LENGTHS = [
  [5, 'within5'],
  [15, 'within15'],
  [30, 'within30'],
  [60, 'within60'],
  [120, 'within120'],
  [240, 'within240'],
] as const;

/** What the ladder asks of a supplier's days: fewer calls than this say nothing there. */
const LEAST_OF_DAYS = 10;

/**
 * The evidence that a supplier's calls gather just above the minimum, whatever the campaigns: of those within 15 seconds above it, the
 * share of the first five against the third that a smooth distribution would have there, or a little more, as longer calls are fewer.
 */
export function bunching({ inBand, afterBand }: { readonly inBand: number; readonly afterBand: number }) {
  const calls = inBand + afterBand;
  if (calls < LEAST_OF_DAYS) return null;
  const expected = 0.42;
  return { observed: inBand / calls, expected, chance: chanceOfAtLeast(inBand, calls, expected), calls };
}

/** What a supplier may differ from others, in shares. */
const TOLERANCE = 1.2;

/**
 * The strongest evidence that a supplier's calls gather above the minimum, of the bands that go as far as this call: their share of its
 * payable calls of the campaign, against that of all suppliers in the last 28 days.
 */
function bunchingAbove(own: Lengths, all: Lengths, beyondS: number) {
  if (beyondS < 0 || own.payable < LEAST) return null;
  const found = BANDS.filter(({ withinS }) => beyondS < withinS).map(({ withinS, count, usual, least }) => {
    const share = all.payable < LEAST_OF_CAMPAIGN ? usual : all[count] / all.payable;
    const expected = Math.min(0.97, Math.max(least, share * TOLERANCE));
    const pValue = chanceOfAtLeast(own[count], own.payable, expected);
    return { withinS, observed: own[count] / own.payable, expected, pValue, calls: own.payable };
  });
  return found.sort((a, b) => a.pValue - b.pValue)[0] ?? null;
}

/** The evidence that more of a supplier's calls of the campaign are long enough than of others'. */
export function fewFailures({ supplier: { campaign: own }, campaign: all }: CallFacts) {
  if (own.calls < LEAST + 2) return null;
  const share = all.calls < LEAST_OF_CAMPAIGN ? 0.65 : all.payable / all.calls;
  const expected = Math.min(0.97, share + 0.04);
  const pValue = chanceOfAtLeast(own.payable, own.calls, expected);
  return { observed: own.payable / own.calls, expected, pValue, calls: own.calls };
}

/**
 * How much a call is like what is odd about its supplier, by its length: 1 where the supplier has half as many calls again as others
 * (of the campaign's payable ones), 0 where it has half as many. So what a supplier does does not fall on its calls of other lengths.
 */
export function likeness({
  terms,
  durationS,
  supplier: { campaign: own },
  campaign: all,
}: CallFacts): number {
  const beyondS = terms === null ? -1 : durationS - terms.minDurationS;
  if (beyondS < 0 || own.payable < LEAST || all.payable < LEAST_OF_CAMPAIGN) return 1;
  const at = LENGTHS.findIndex(([withinS]) => beyondS < withinS);
  const [, upTo] = LENGTHS[at] ?? [0, 'payable' as const];
  const below = at === -1 ? LENGTHS.at(-1)?.[1] : LENGTHS[at - 1]?.[1];
  // One call more in each of them, so that few calls say little.
  const shareIn = (of: Lengths) =>
    (of[upTo] - (below === undefined ? 0 : of[below]) + 1) / (of.payable + LENGTHS.length + 1);
  return between(shareIn(own) / shareIn(all), 0.5, 1.5);
}

/** How long calls are. */
export const durationSignals: readonly Signal[] = [
  {
    name: 'threshold-bunching',
    version: 1,
    text: "the call is hardly longer than is paid for, and so are too many of the supplier's",
    measure({ terms, durationS, supplier, campaign }) {
      const found =
        terms === null ? null : bunchingAbove(supplier.campaign, campaign, durationS - terms.minDurationS);
      return found === null ? null : measured(unlikely(found.pValue), found);
    },
  },
  {
    name: 'identical-durations',
    version: 1,
    text: "too many of the supplier's calls are as long as this one, by a few seconds",
    measure: (call) => (call.answered ? identical(call) : null),
  },
  {
    name: 'few-failures',
    version: 1,
    text: "hardly any of the supplier's calls comes to nothing, which is not how people call",
    measure(call) {
      const found = fewFailures(call);
      return found === null ? null : measured(unlikely(found.pValue) * likeness(call), found);
    },
  },
  {
    name: 'short-talk',
    version: 1,
    text: 'the call ended soon after it was long enough to be paid for',
    measure({ answered, terms, durationS }) {
      const beyondS = terms === null ? -1 : durationS - terms.minDurationS;
      return answered && beyondS >= 0 ? measured(1 - between(beyondS, 30, 240), { beyondS }) : null;
    },
  },
  {
    name: 'short-hangups',
    version: 1,
    text: "many of the supplier's calls are hung up within ten seconds",
    measure: (call) => hangups(call),
  },
];

/**
 * Of the calls of about this length those of nearly this length, at three scales; where lengths are smooth they have their share of the
 * seconds, or a little more.
 */
function identical({ supplier }: CallFacts) {
  const { sameDuration, within3, within8, nearDuration, within45 } = supplier;
  const scales = [
    { withinS: 1, same: sameDuration, near: nearDuration, expected: 0.15 },
    { withinS: 3, same: within3, near: nearDuration, expected: 0.32 },
    { withinS: 8, same: within8, near: within45, expected: 0.3 },
  ];
  const found = scales
    .filter(({ near }) => near >= LEAST - 1)
    .map((scale) => ({ ...scale, pValue: chanceOfAtLeast(scale.same, scale.near, scale.expected) }))
    .sort((a, b) => a.pValue - b.pValue)[0];
  return found === undefined ? null : measured(unlikely(found.pValue), found);
}

function hangups({ supplier, network }: CallFacts) {
  if (supplier.answered < 20) return null;
  const share = supplier.hangups / supplier.answered;
  const usual = network === null || network.answered < 100 ? 0.15 : network.hangups / network.answered;
  return measured(between(share, usual + 0.2, usual + 0.6), { share, usual, calls: supplier.answered });
}
