/** What the terms of a campaign ask of a call; see integrations/supabase/calls.ts for where it comes from. */
export interface QualifyingFacts {
  readonly durationS: number;
  readonly answered: boolean;
  readonly routed: boolean;
  readonly terms: { readonly minDurationS: number } | null;
  readonly inHours: boolean;
}

export interface Reason {
  readonly signal: string;
  readonly version: number;
  readonly points: number;
  /** What ops read beside the score. */
  readonly text: string;
}

interface Condition {
  readonly signal: string;
  readonly text: string;
  readonly isBroken: (call: QualifyingFacts) => boolean;
}

/** Each is 100 points: a call that breaks one is worth nothing under its terms, whatever rules say of it. */
const CONDITIONS: readonly Condition[] = [
  { signal: 'not-answered', text: 'nobody answered the call', isBroken: ({ answered }) => !answered },
  {
    signal: 'below-minimum-duration',
    text: 'the call is shorter than the campaign pays for',
    isBroken: ({ durationS, terms }) => terms !== null && durationS < terms.minDurationS,
  },
  {
    signal: 'outside-hours',
    text: 'the call started outside the hours of the campaign',
    isBroken: ({ inHours }) => !inHours,
  },
];

/** Why a call waits whatever it is: nobody knows yet what it owes, and under which terms. */
export function waitsForTerms(call: QualifyingFacts): Reason | null {
  const reason = (signal: string, text: string) => ({ signal, version: 1, points: WAITING_POINTS, text });
  if (!call.routed) return reason('unknown-tracking-number', 'no campaign has this tracking number');
  if (call.terms === null)
    return reason('no-terms', 'the campaign has no terms in force at the start of the call');
  return null;
}

/** The score of a call that waits for something else than a judgement. */
export const WAITING_POINTS = 40;

/** The conditions of its terms that a call breaks. */
export const brokenConditions = (call: QualifyingFacts): Reason[] =>
  CONDITIONS.filter(({ isBroken }) => isBroken(call)).map(({ signal, text }) => ({
    signal,
    version: 1,
    points: 100,
    text,
  }));
