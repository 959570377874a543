import { regionOfNumber } from '../area-codes.ts';
import { between, type CallFacts } from '../signal.ts';
import { doubtOfGrowth, payableShare, shareOfLength } from './duration.ts';
import { usualDay } from './timing.ts';

/**
 * How likely it is that a call is one of those that its supplier has too many of. A supplier that cheats sends honest calls too, so that
 * two things are asked, and both count as logarithms of odds: how many of its payable calls honest ones account for, and whether calls
 * like this one are more frequent among the others. What is like honest calls speaks for the call.
 */

/** What is unlike in a call is told more than this by nothing, in logarithms of odds. */
type Limits = readonly [least: number, most: number];

/** Fewer calls than this say nothing about their supplier. */
const LEAST = 8;
const limited = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** How many times the payable calls of some the failed ones of them account for: as many as chance may well have made of them. */
function accountedFor(calls: number, payable: number, expected: number): number {
  if (calls < LEAST) return 1;
  const share = limited(expected / calls, 0.05, 0.95);
  const failed = calls - payable + 0.5;
  return ((failed + Math.sqrt(failed)) * share) / (1 - share) / Math.max(1, payable);
}

/** All calls of the supplier's window, or a part of them, with the payable ones that its campaigns would lead one to expect. */
export function partOf({ supplier: { campaigns } }: CallFacts, part: 'window' | 'day' | 'last') {
  const sum = { calls: 0, payable: 0, expected: 0 };
  for (const one of campaigns) {
    sum.calls += one[part].calls;
    sum.payable += one[part].payable;
    sum.expected += one[part].calls * payableShare(one.all);
  }
  return sum;
}

/** Of the last day's payable calls those that the supplier's usual day accounts for, where it has one: as twice and a half, and a few; all, where they fail as others' do. */
function accountedForByPace(call: CallFacts, share: number): number {
  const usual = usualDay(call);
  if (usual === null || usual.calls === 0) return 1;
  const expected = 2.5 * usual.calls * share + 4;
  return (
    1 -
    usual.known * doubtOfGrowth(call) * (1 - Math.min(1, expected / Math.max(1, partOf(call, 'day').payable)))
  );
}

/** Of the supplier's payable calls the share that is honest, as far as it can be told: by the strongest evidence against it. */
function honestShare(call: CallFacts): number {
  const [window, day, last] = (['window', 'day', 'last'] as const).map((part) => partOf(call, part));
  const shares = [window, day, last].flatMap((of) =>
    of === undefined ? [] : [accountedFor(of.calls, of.payable, of.expected)],
  );
  const usual = window === undefined || window.calls === 0 ? 0.65 : window.expected / window.calls;
  return limited(Math.min(...shares, accountedForByPace(call, limited(usual, 0.05, 0.95))), 0.02, 1);
}

/**
 * By how much more frequent a kind of call is among those that honest ones do not account for: of `calls` of the supplier `of` are of the
 * kind, of honest ones the share `usual`.
 */
function likelier(usual: number, of: number, calls: number, honest: number, [least, most]: Limits): number {
  // As if there were four calls more that are like honest ones, so that few say little.
  const share = (of + 4 * usual) / (calls + 4);
  const others = Math.max((share - honest * usual) / Math.max(1 - honest, 0.05), usual * Math.exp(least));
  return limited(Math.log(others / usual) * between(1 - honest, 0, 0.25), least, most);
}

const CALLED_BEFORE = 0.06;
const OUTSIDE = 0.06;

/** Of all calls those of which carriers say as much as of this one: in full, in part, or nothing. */
function usualVouching({ attestation, network }: CallFacts): number {
  const signed = network === null || network.calls <= 300 ? 0.75 : network.signed / network.calls;
  const less = network === null || network.signed <= 100 ? 0.19 : network.vouchedLess / network.signed;
  const share = attestation === null ? 1 - signed : signed * (attestation === 'A' ? 1 - less : less);
  return limited(share, 0.02, 0.95);
}

/** Null where nobody says where the caller is, or the campaign does not ask. */
function isOutside({ callerNumber, callerRegion, regions }: CallFacts): boolean | null {
  const region = callerRegion ?? (callerNumber === null ? null : regionOfNumber(callerNumber));
  return regions === null || region === null ? null : !regions.includes(region);
}

/** What speaks against the call, and for it, as logarithms of odds. */
export function odds(call: CallFacts) {
  const { supplier, caller } = call;
  const honest = honestShare(call);
  const { payable } = partOf(call, 'window');
  const outside = isOutside(call);
  const isKnown = caller.network > 0;
  const numbers = supplier.calls;
  return {
    supplier: Math.log((1 - honest + 0.02) / honest),
    length: likelier(
      limited(shareOfLength(call), 0.01, 0.9),
      supplier.sameLength,
      payable,
      honest,
      [-3, 2.5],
    ),
    vouching: likelier(usualVouching(call), supplier.sameVouching, payable, honest, [-2, 2]),
    place:
      outside === null
        ? 0
        : likelier(
            outside ? OUTSIDE : 1 - OUTSIDE,
            outside ? supplier.outside : supplier.regionKnown - supplier.outside,
            ...([supplier.regionKnown, honest, [-1.5, 2]] as const),
          ),
    caller: likelier(
      isKnown ? CALLED_BEFORE : 1 - CALLED_BEFORE,
      isKnown ? supplier.again : numbers - supplier.again,
      ...([numbers, honest, [-1.5, 2.5]] as const),
    ),
  };
}
