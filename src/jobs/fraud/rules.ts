import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

/** What a signal looks at; see integrations/supabase/calls.ts for where it comes from. */
export interface CallFacts {
  /** As reported; null when the caller withheld it. */
  readonly callerNumber: string | null;
  readonly durationS: number;
  readonly answered: boolean;
  readonly routed: boolean;
  readonly terms: { readonly minDurationS: number } | null;
  /** What a person decided after the call was held. */
  readonly decided: 'qualify' | 'reject' | null;
  readonly inHours: boolean;
  readonly paidInWindow: boolean;
  readonly callerCallsLastHour: number;
  readonly callerCallsLastDay: number;
}

interface Signal {
  readonly name: string;
  readonly version: number;
  readonly points: number;
  /** What ops read beside the score. */
  readonly text: string;
  readonly fires: (call: CallFacts) => boolean;
}

/**
 * The first set of rules. Points add up to a score of at most 100; a rule of 100 points decides alone.
 * Thresholds of velocity are proposals, from the vendors' figures: no measurement stands behind them.
 */
const SIGNALS: readonly Signal[] = [
  {
    name: 'not-answered',
    version: 1,
    points: 100,
    text: 'nobody answered the call',
    fires: ({ answered }) => !answered,
  },
  {
    name: 'below-minimum-duration',
    version: 1,
    points: 100,
    text: 'the call is shorter than the campaign pays for',
    fires: ({ durationS, terms }) => terms !== null && durationS < terms.minDurationS,
  },
  {
    name: 'outside-hours',
    version: 1,
    points: 100,
    text: 'the call started outside the hours of the campaign',
    fires: ({ inHours }) => !inHours,
  },
  {
    name: 'duplicate-caller',
    version: 1,
    points: 100,
    text: 'the same caller was paid for in this campaign within its window',
    fires: ({ paidInWindow }) => paidInWindow,
  },
  {
    name: 'invalid-number',
    version: 1,
    points: 80,
    text: "the caller's number cannot exist",
    fires: ({ callerNumber }) =>
      callerNumber !== null && parsePhoneNumberFromString(callerNumber)?.isValid() !== true,
  },
  {
    name: 'anonymous-caller',
    version: 1,
    points: 45,
    text: 'the caller withheld the number',
    fires: ({ callerNumber }) => callerNumber === null,
  },
  {
    name: 'caller-velocity-hour',
    version: 1,
    points: 50,
    text: 'the caller made five or more calls within the hour before',
    fires: ({ callerCallsLastHour }) => callerCallsLastHour >= 5,
  },
  {
    name: 'caller-velocity-day',
    version: 1,
    points: 30,
    text: 'the caller made ten or more calls within the day before',
    fires: ({ callerCallsLastDay }) => callerCallsLastDay >= 10,
  },
];

/** From here on a call is rejected. */
export const REJECT_AT = 70;
/** From here on a call waits for a person. */
export const HOLD_AT = 40;

export interface Verdict {
  /** 0 (nothing against it) to 100. */
  readonly score: number;
  readonly decision: 'qualify' | 'reject' | 'hold';
  readonly reasons: readonly { signal: string; version: number; points: number; text: string }[];
}

/** Scores one call. Pure: the same facts give the same verdict. */
export function scoreCall(call: CallFacts): Verdict {
  if (!call.routed) return heldFor('unknown-tracking-number', 'no campaign has this tracking number');
  if (call.terms === null)
    return heldFor('no-terms', 'the campaign has no terms in force at the start of the call');
  const reasons = SIGNALS.filter((signal) => signal.fires(call)).map(({ name, version, points, text }) => ({
    signal: name,
    version,
    points,
    text,
  }));
  const score = Math.min(
    100,
    reasons.reduce((sum, { points }) => sum + points, 0),
  );
  return { score, decision: call.decided ?? decisionFor(score), reasons };
}

function decisionFor(score: number): Verdict['decision'] {
  if (score >= REJECT_AT) return 'reject';
  return score >= HOLD_AT ? 'hold' : 'qualify';
}

function heldFor(signal: string, text: string): Verdict {
  return { score: HOLD_AT, decision: 'hold', reasons: [{ signal, version: 1, points: HOLD_AT, text }] };
}
