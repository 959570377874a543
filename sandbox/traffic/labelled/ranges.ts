import type { Range } from './distributions.ts';

/** What is drawn once for each seed. docs/fraud.md says what each means; a test holds the page to these numbers. */
export const OF_SEED = {
  suppliersPer10000Calls: [3, 8],
  supplierSizeExponent: [0.7, 1.3],
  campaigns: [10, 24],
  nationwideShare: [0.2, 0.6],
  officeShare: [0.005, 0.02],
  spotShare: [0.02, 0.08],
  nightSpotShare: [0, 0.3],
  repeatShare: [0.02, 0.06],
  mobility: [0.05, 0.2],
  leakShare: [0.01, 0.05],
  anonymousShare: [0.003, 0.015],
  regionStated: [0.3, 1],
  lineTypeStated: [0, 0.2],
  attestedA: [0.5, 0.8],
  attestedB: [0.05, 0.15],
  attestedC: [0.02, 0.08],
  fraudAtHonestSuppliers: [0.05, 0.3],
} as const satisfies Record<string, Range>;

export const OF_CAMPAIGN = {
  states: [1, 6],
  unansweredShare: [0.03, 0.12],
  shortShare: [0.1, 0.3],
  midShare: [0.15, 0.35],
  shortMedianS: [6, 18],
  midMedianS: [35, 90],
  longMedianS: [150, 480],
  shortSigma: [0.5, 0.8],
  midSigma: [0.4, 0.7],
  longSigma: [0.5, 0.9],
} as const satisfies Record<string, Range>;

export const OF_SUPPLIER = {
  placements: [1, 5],
  opensH: [6, 10],
  closesH: [17, 22],
  weekend: [0.2, 1],
  nightLevel: [0.01, 0.1],
  growth: [-0.4, 1.5],
  dayNoise: [0.1, 0.4],
  pausedShare: [0, 0.08],
  newShare: [0.15, 0.15],
  newRampDays: [3, 10],
} as const satisfies Record<string, Range>;

/** Of each office that shares lines, and of each television spot. */
export const OF_OFFICE = {
  calls: [3, 40, 'log'],
  singleLineShare: [0.4, 0.4],
  lines: [5, 50, 'log'],
} as const satisfies Record<string, Range>;

export const OF_SPOT = {
  calls: [40, 400, 'log'],
  decayMinutes: [3, 12],
} as const satisfies Record<string, Range>;

/** Of an honest caller who calls again: at once because the line dropped, or days later. */
export const OF_REPEAT = {
  droppedShare: [0.5, 0.5],
  redialMinutes: [0.5, 12, 'log'],
  returnDays: [0.5, 14, 'log'],
  otherSupplierShare: [0.3, 0.3],
  againShare: [0.25, 0.25],
} as const satisfies Record<string, Range>;

/** Of each scheme of fraud, whatever its behaviour. */
export const OF_SCHEME = {
  calls: [150, 2_500, 'log'],
  activeDays: [3, 25],
  honestShare: [0.1, 0.5],
  failedShare: [0.03, 0.15],
  talkMedianS: [15, 120],
  talkSigma: [0.4, 0.8],
  elsewhereShare: [0.2, 0.8],
  spoofedA: [0, 0.3],
  spoofedB: [0.1, 0.3],
  spoofedC: [0.2, 0.5],
} as const satisfies Record<string, Range>;

/**
 * What a behaviour is made of, as a bold fraudster does it and as a careful one does: a scheme of evasion strength s has a
 * number of each range and stands s of the way (by ratio) from the first to the second.
 */
export const OF_BEHAVIOUR = {
  callsPerPhone: { bold: [12, 40, 'log'], careful: [2, 5] },
  redialGapH: { bold: [0.1, 0.8, 'log'], careful: [36, 120, 'log'] },
  aboveMinimumS: { bold: [3, 6], careful: [40, 90] },
  blocks: { bold: [1, 4], careful: [15, 40] },
  blockSize: { bold: [100, 1_000, 'log'], careful: [1_000, 1_000] },
  ownNumberShare: { bold: [0.9, 1], careful: [0.3, 0.5] },
  forwardingNumbers: { bold: [1, 4], careful: [15, 50] },
  botDeviationS: { bold: [0.3, 1.5, 'log'], careful: [10, 25] },
  botDaytimeShare: { bold: [0.05, 0.3], careful: [0.6, 0.9] },
  burstMinutes: { bold: [15, 90, 'log'], careful: [180, 300] },
  nightShare: { bold: [0.9, 1], careful: [0.3, 0.5] },
  rampDays: { bold: [1, 3], careful: [6, 12] },
  campaignsPerPhone: { bold: [5, 12], careful: [2, 4] },
  crossingGapH: { bold: [0.1, 2, 'log'], careful: [24, 96, 'log'] },
} as const satisfies Record<string, { bold: Range; careful: Range }>;
