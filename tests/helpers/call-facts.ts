import { defaultRules } from '../../src/jobs/fraud/default-rules.ts';
import type { CallFacts, Lengths, Profile } from '../../src/jobs/fraud/signal.ts';

/** A call that nothing speaks against, by any signal. */
export const ORDINARY: CallFacts = {
  callerNumber: '+12127361234',
  durationS: 320,
  answered: true,
  startedAtMs: Date.UTC(2026, 10, 4, 16, 20),
  terms: { minDurationS: 60 },
  regions: ['US-NY', 'US-NJ'],
  callerRegion: 'US-NY',
  attestation: 'A',
  lineType: 'mobile',
  lookups: null,
  ownNumber: false,
  standing: 'active',
  caller: {
    ...{ hour: 0, day: 0, network: 0, buyer: 0, campaign: 0, payable: 0, payableInCampaign: 0 },
    ...{ otherSuppliers: 0, otherCampaigns: 0, lastS: null },
  },
  supplier: {
    ...{ calls: 60, spanS: 80_000, hour: 4, day: 60, evenS: 9_000, again: 2, answered: 52, hangups: 5 },
    ...{ signed: 50, vouchedLess: 9, sameDuration: 0, nearDuration: 4 },
    ...{ within3: 1, within8: 2, within45: 10 },
    ...{ numbers: 58, thousands: 58, sameLength: 6, sameVouching: 24 },
    ...{ regionKnown: 30, outside: 1 },
    campaign: lengthsOf(60),
    campaigns: campaignsOf(30),
  },
  block: { numbers: 0, numbersOfSupplier: 0, hundred: 0, hundredOfSupplier: 0 },
  profile: profileOf(1_400),
  network: profileOf(40_000),
  campaign: lengthsOf(8_000),
};

/** One of the calls of a supplier that was hardly known until yesterday, and has whatever fraud has: they never fail, are short, and from anywhere. */
export const LIKE_FRAUD: Partial<CallFacts> = {
  durationS: 75,
  callerRegion: 'US-TX',
  attestation: 'C',
  supplier: {
    ...ORDINARY.supplier,
    ...{ vouchedLess: 35, sameLength: 28, sameVouching: 30, regionKnown: 40, outside: 25 },
    campaign: { ...ORDINARY.supplier.campaign, payable: 57, within15: 20, within30: 45, within60: 57 },
    campaigns: campaignsOf(57),
  },
  profile: { ...profileOf(30), days: 3, median: 8 },
};

/** The supplier's 60 calls are of one campaign, and of one day; so many of them are payable. */
export function campaignsOf(payable: number): CallFacts['supplier']['campaigns'] {
  const window = { calls: 60, payable };
  return [{ window, day: window, last: { calls: 30, payable: payable / 2 }, all: lengthsOf(8_000) }];
}

function lengthsOf(calls: number): Lengths {
  const share = (part: number) => Math.round(calls * part);
  const within = { within5: share(0.02), within15: share(0.06), within30: share(0.1), within60: share(0.2) };
  const beyond = { within120: share(0.3), within240: share(0.4) };
  return { calls, payable: share(0.5), ...within, ...beyond };
}

function profileOf(calls: number): Profile {
  const share = (part: number) => Math.round(calls * part);
  return {
    ...{ days: 28, calls, answered: share(0.85), hangups: share(0.08), payable: share(0.5) },
    ...{ inBand: share(0.03), afterBand: share(0.06), callers: share(0.95) },
    ...{ qualified: share(0.45), refused: share(0.4), disputed: share(0.004) },
    ...{
      signed: share(0.85),
      vouchedLess: share(0.15),
      repeats: share(0.02),
      stopped: share(0.002),
      median: share(1 / 28),
    },
    hours: Array.from({ length: 24 }, (_, hour) => (hour >= 12 ? share(1 / 12) : 0)),
    weekdays: Array.from({ length: 7 }, () => share(1 / 7)),
  };
}

/** A call as `decideCall` takes it, which qualifies for 10.00 of which the supplier earns 7.00. */
export const DECIDABLE = {
  ...ORDINARY,
  campaignId: null,
  routed: true,
  inHours: true,
  decided: null,
  snoozed: [],
  isInvoiced: false,
  scored: null,
  revenue: null,
  terms: {
    ...{
      termsId: 't',
      currency: 'usd',
      priceMinor: 1_000,
      incrementS: null,
      minimumS: null,
      revenueBps: null,
    },
    ...{ supplierShareBps: 7_000, supplierShareMinor: null, supplierShareTiers: null, minDurationS: 60 },
  },
} as const;

/** Every signal has no weight, except those that are given one. */
export const rulesOf = (weights: Readonly<Record<string, number>>, campaigns = {}) => ({
  default: {
    ...defaultRules.default,
    weights: {
      ...Object.fromEntries(Object.keys(defaultRules.default.weights).map((signal) => [signal, 0])),
      ...weights,
    },
  },
  campaigns,
  lookups: {},
});
