import type { CallFacts, Lengths } from './signal.ts';
import { lengthsOf } from './signals/duration.ts';
import { odds, partOf } from './signals/odds.ts';

/** Null is what cannot be told of this call. */
type Evidence = Readonly<Record<string, number | null>>;

/** Below so many calls, or numbers, a share of them says nothing. */
const LEAST = 5;

const shareOf = (some: number, all: number, least = LEAST) => (all < least ? null : some / all);
const logOf = (value: number) => Math.log(1 + value);

/** Of the supplier's calls of a part those that failed against those that its campaigns would lead one to expect, as a logarithm. */
function failures(call: CallFacts, part: 'window' | 'day' | 'last'): number | null {
  const { calls, payable, expected } = partOf(call, part);
  return calls < LEAST ? null : Math.log((calls - payable + 0.5) / (calls - expected + 0.5));
}

/** How unlike the campaign's the lengths of the supplier's calls are (relative entropy), and by how much this length is more frequent. */
function lengths(call: CallFacts): { unlike: number | null; ofThis: number | null } {
  const { terms, durationS, supplier } = call;
  const own: Lengths = supplier.campaign;
  if (terms === null || own.payable < LEAST + 1) return { unlike: null, ofThis: null };
  const { steps, at } = lengthsOf(call);
  const logs = steps.map(({ calls, usual }) => {
    const share = (calls + steps.length * usual) / (own.payable + steps.length);
    return { share, log: Math.log(share / usual) };
  });
  const unlike = logs.reduce((sum, { share, log }) => sum + share * log, 0);
  return { unlike, ofThis: durationS < terms.minDurationS ? null : (logs[at]?.log ?? null) };
}

/** What its supplier did before. */
function ofSupplier(call: CallFacts, unlike: number | null): Evidence {
  const { supplier: own, profile, network } = call;
  const usual = usualLess(call);
  return {
    'failures of the window': failures(call, 'window'),
    'failures of the day': failures(call, 'day'),
    'failures of the last calls': failures(call, 'last'),
    'callers from elsewhere': shareOf(own.outside, own.regionKnown, 4),
    'callers vouched for less': minus(shareOf(own.vouchedLess, own.signed), usual),
    'neighbouring callers': own.numbers < LEAST ? null : (own.numbers - own.thousands) / (own.numbers + 4),
    'callers who call again': shareOf(own.again, own.calls, 8),
    'days known': profile?.days ?? 0,
    'usual day': logOf(profile?.median ?? 0),
    'pace of the day': profile === null ? null : Math.log((own.day + 1) / (profile.median + 3)),
    'calls of the day': logOf(own.day),
    'hours of the window': own.spanS / 3_600,
    'calls known': logOf(profile?.calls ?? 0),
    campaigns: own.campaigns.length,
    evenness: logOf(own.evenS),
    'same length by 3 s': shareOf(own.within3, own.nearDuration),
    'same length by 8 s': shareOf(own.within8, own.within45),
    'failures known':
      profile === null || network === null || profile.calls <= 20
        ? null
        : Math.log(
            (profile.calls - profile.payable + 1) /
              (profile.calls * (1 - network.payable / network.calls) + 1),
          ),
    'callers who called again': profile === null ? null : shareOf(profile.repeats, profile.payable, 21),
    'callers known, vouched for less':
      profile === null ? null : minus(shareOf(profile.vouchedLess, profile.signed, 21), usual),
    'unlike lengths': unlike,
  };
}

const minus = (value: number | null, usual: number) => (value === null ? null : value - usual);
const usualLess = ({ network }: CallFacts) =>
  network === null || network.signed <= 50 ? 0.19 : network.vouchedLess / network.signed;

/** What its caller did before. */
function ofCaller({ caller, block, ownNumber }: CallFacts): Evidence {
  return {
    'calls of the caller': caller.network,
    'success of the caller': caller.network === 0 ? null : (caller.payable + 0.3) / (caller.network + 0.6),
    "the caller's calls of the day": caller.day,
    "the caller's calls of the hour": caller.hour,
    "the caller's other campaigns": caller.otherCampaigns,
    "the caller's other suppliers": caller.otherSuppliers,
    'hours since the caller called': caller.lastS === null ? null : Math.log(caller.lastS / 3_600 + 0.02),
    "neighbours of the caller's number": block.numbersOfSupplier,
    'neighbours elsewhere': block.numbers - block.numbersOfSupplier,
    'own number': ownNumber ? 1 : 0,
  };
}

const VOUCHED = { A: 1, B: 2, C: 3 } as const;

/** What the call is like. */
function ofCall(call: CallFacts, ofThis: number | null): Evidence {
  const { supplier: own, profile, network, terms, attestation, lineType } = call;
  const hour = new Date(call.startedAtMs).getUTCHours();
  const ofHour =
    profile === null || profile.calls < 50 ? null : ((profile.hours[hour] ?? 0) + 0.5) / (profile.calls + 12);
  const usualHour = ofHour === null ? 0 : (ofHour * (profile?.calls ?? 0)) / Math.max(1, profile?.days ?? 0);
  const found = odds(call);
  return {
    'odds of its supplier': found.supplier,
    'odds of its length': found.length,
    'odds of its vouching': found.vouching,
    'odds of its place': found.place,
    'odds of its caller': found.caller,
    'seconds above the minimum': logOf(Math.max(0, call.durationS - (terms?.minDurationS ?? 0))),
    'more frequent length': ofThis,
    vouching: attestation === null ? 0 : VOUCHED[attestation],
    place: placeOf(call),
    'quiet hour':
      network === null || network.calls <= 300
        ? null
        : Math.log((network.hours[hour] ?? 0) / network.calls + 0.002),
    "supplier's quiet hour": ofHour === null ? null : Math.log(ofHour),
    'calls of the hour': logOf(own.hour),
    'pace of the hour': ofHour === null ? null : Math.log((own.hour + 1) / (usualHour + 1)),
    line: lineType === null ? 0 : lineType === 'voip' ? 1 : -1,
  };
}

/** 1 outside of where the campaign looks for callers, 0 within, less where nobody says, or asks. */
function placeOf({ regions, callerRegion }: CallFacts): number {
  if (regions === null) return -1;
  if (callerRegion === null) return -0.5;
  return regions.includes(callerRegion) ? 0 : 1;
}

/**
 * What the trees are shown of a call (patterns.json): numbers that windows and profiles give, in a scale in which they can be compared.
 * Pure. Whoever changes one trains the trees anew, and raises the signal's version.
 */
export function evidenceOf(call: CallFacts): Evidence {
  const { unlike, ofThis } = lengths(call);
  return { ...ofSupplier(call, unlike), ...ofCaller(call), ...ofCall(call, ofThis) };
}
