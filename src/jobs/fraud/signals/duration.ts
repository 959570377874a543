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
/** Of the payable calls of most campaigns those of each length, and of more. */
const USUAL_LENGTHS = [0.05, 0.07, 0.08, 0.15, 0.2, 0.2, 0.25];

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

/** What of a campaign's calls is long enough, when it is hardly known yet; the least and the most that is assumed of one. */
const PAYABLE = { usual: 0.65, least: 0.05, most: 0.95 };

/** Of a campaign's calls those that are long enough. */
export const payableShare = (all: Lengths) =>
  all.calls < LEAST_OF_CAMPAIGN
    ? PAYABLE.usual
    : Math.min(PAYABLE.most, Math.max(PAYABLE.least, all.payable / all.calls));

/**
 * How many payable calls of the campaign a supplier's failed ones account for: people who call by themselves fail, so that who has few
 * failures has few of them, however many calls it has.
 */
function accountedFor({ supplier: { campaign: own }, campaign: all }: CallFacts): number {
  const share = payableShare(all);
  return ((own.calls - own.payable + 0.5) * share) / (1 - share);
}

/** The chance that as many of a supplier's calls of the campaign are long enough, if they were like others'. */
export function chanceOfSuccess({ supplier: { campaign: own }, campaign: all }: CallFacts): number {
  return own.calls < LEAST + 2 ? 1 : chanceOfAtLeast(own.payable, own.calls, payableShare(all) + 0.03);
}

/** The supplier's payable calls of the campaign by their length, with the share that each length has of the campaign's; and which is the call's, -1 where it is too short. */
export function lengthsOf({ terms, durationS, supplier, campaign }: CallFacts) {
  const bounds = [...LENGTHS.map(([, count]) => count), 'payable' as const];
  const steps = bounds.map((upTo, nth) => {
    const below = bounds[nth - 1];
    const within = (of: Lengths) => of[upTo] - (below === undefined ? 0 : of[below]);
    // One call more in each of them, so that few calls say little.
    const share = (within(campaign) + 1) / (campaign.payable + bounds.length);
    const usual = campaign.payable < LEAST_OF_CAMPAIGN ? (USUAL_LENGTHS[nth] ?? 0) : share;
    return { calls: within(supplier.campaign), usual };
  });
  const beyondS = terms === null ? -1 : durationS - terms.minDurationS;
  const at = LENGTHS.findIndex(([withinS]) => beyondS < withinS);
  return { steps, at: beyondS < 0 ? -1 : at === -1 ? LENGTHS.length : at };
}

/** Calls of about this call's length, of a supplier and of its campaign in all. */
function ofThisLength(call: CallFacts) {
  const { steps, at } = lengthsOf(call);
  const found = steps[at];
  if (found === undefined) return null;
  const ownShare = (found.calls + 1) / (call.supplier.campaign.payable + steps.length);
  return { calls: found.calls, ownShare, share: found.usual };
}

/**
 * How far the calls of a supplier that grows are not those of people: fully where those that fail account for six tenths of its payable
 * calls of all campaigns, or fewer; not at all from nine tenths on.
 */
export function doubtOfGrowth({ supplier: { campaigns } }: CallFacts): number {
  const sum = { failed: 0.5, payable: 0, expected: 0 };
  for (const { window, all } of campaigns) {
    sum.failed += window.calls - window.payable;
    sum.payable += window.payable;
    sum.expected += window.calls * payableShare(all);
  }
  const share = Math.min(0.95, sum.expected / Math.max(1, sum.failed - 0.5 + sum.payable));
  return 1 - between((sum.failed * share) / (1 - share) / Math.max(1, sum.payable), 0.6, 0.9);
}

/** Of the campaign's payable calls those of about this call's length. */
export const shareOfLength = (call: CallFacts): number => ofThisLength(call)?.share ?? 1;

/** Of how many times the calls that its failures account for a supplier has this length: what of a few is chance counts little. */
function unaccounted(call: CallFacts) {
  const found = ofThisLength(call);
  if (found === null) return null;
  const expected = accountedFor(call) * found.share;
  return { calls: found.calls, expected, times: (found.calls + 0.5) / (expected + 0.5) };
}

/**
 * How much a call is like what is odd about its supplier, by its length: 1 where the supplier has half as many calls again as others
 * (of the campaign's payable ones), 0 where it has half as many. So what a supplier does does not fall on its calls of other lengths.
 */
export function likeness(call: CallFacts): number {
  const found = ofThisLength(call);
  const { supplier, campaign } = call;
  if (found === null || supplier.campaign.payable < LEAST || campaign.payable < LEAST_OF_CAMPAIGN) return 1;
  return between(found.ownShare / found.share, 0.5, 1.5);
}

/** How long calls are. */
export const durationSignals: readonly Signal[] = [
  {
    name: 'threshold-bunching',
    version: 2,
    text: "the call is hardly longer than is paid for, and so are too many of the supplier's",
    measure({ terms, durationS, supplier, campaign }) {
      const found =
        terms === null ? null : bunchingAbove(supplier.campaign, campaign, durationS - terms.minDurationS);
      return found === null ? null : measured(unlikely(found.pValue), found);
    },
  },
  {
    name: 'identical-durations',
    version: 2,
    text: "too many of the supplier's calls are as long as this one, by a few seconds",
    measure: (call) => (call.answered ? identical(call) : null),
  },
  {
    name: 'few-failures',
    version: 2,
    text: 'the supplier has more calls of this length than those of its calls that come to nothing account for',
    measure(call) {
      const found = unaccounted(call);
      return found === null
        ? null
        : measured(between(Math.log(found.times), Math.log(1.3), Math.log(15)), found);
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
    version: 2,
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
