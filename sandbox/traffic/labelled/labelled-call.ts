import type { Attestation, Caller, LineType } from './callers.ts';
import type { Talk } from './talk.ts';
import type { LabelledSupplier, Placement } from './world.ts';

/** Honest calls that look like fraud by one of its traits. */
export const HARD_NEGATIVES = ['shared-office', 'television-burst', 'honest-repeat'] as const;

export const BEHAVIOURS = [
  'redial-farm',
  'threshold-gaming',
  'number-rotation',
  'looping',
  'constant-bot',
  'night-burst',
  'ramp-and-run',
  'cross-campaign',
] as const;

export type Behaviour = (typeof BEHAVIOURS)[number];
export type Label = 'honest' | (typeof HARD_NEGATIVES)[number] | Behaviour;

/** One call as its provider reports it, and what it really was. */
export interface LabelledCall {
  readonly supplierId: string;
  readonly campaignId: string;
  readonly trackingNumber: string;
  /** E.164; null when the caller withheld it. */
  readonly callerNumber: string | null;
  readonly startedAtMs: number;
  readonly durationS: number;
  readonly answered: boolean;
  /** `US-TX`; null where the provider reports none. */
  readonly callerRegion: string | null;
  readonly attestation: Attestation;
  readonly lineType: LineType;
  readonly label: Label;
  /** How careful the fraudster is, 0 to 1; null of an honest call. */
  readonly evasion: number | null;
}

export const isFraud = ({ label }: Pick<LabelledCall, 'label'>): boolean =>
  (BEHAVIOURS as readonly string[]).includes(label);

interface Made {
  readonly supplier: LabelledSupplier;
  readonly placement: Placement;
  readonly caller: Caller;
  readonly startedAtMs: number;
  readonly talk: Talk;
  readonly label: Label;
  readonly evasion?: number;
}

export function makeCall({
  supplier,
  placement,
  caller,
  startedAtMs,
  talk,
  label,
  evasion,
}: Made): LabelledCall {
  return {
    supplierId: supplier.id,
    campaignId: placement.campaign.id,
    trackingNumber: placement.trackingNumber,
    callerNumber: caller.number,
    startedAtMs,
    ...talk,
    callerRegion: caller.region,
    attestation: caller.attestation,
    lineType: caller.lineType,
    label,
    evasion: evasion ?? null,
  };
}
