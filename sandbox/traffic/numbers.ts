/** Area codes of the callers; with exchange 555, which no carrier gives to subscribers, each number is nobody's. */
const AREA_CODES = [
  201, 202, 206, 212, 213, 214, 215, 216, 217, 281, 303, 305, 310, 312, 313, 314, 317, 323, 404, 407, 408,
  410, 412, 414, 415, 502, 503, 504, 505, 510, 512, 513, 602, 612, 614, 615, 616, 617, 619, 702, 703, 704,
  713, 714, 716, 718, 720, 801, 804, 813, 816, 817, 832, 858, 901, 904, 913, 916, 919, 972,
];
/** 555-0100 to 555-0199 are reserved for fiction, so the first callers get those. */
const FIRST_LINE = 100;
const LINES = 9_900;

/** How many different callers there are. */
export const CALLERS = AREA_CODES.length * LINES;

/** The n-th caller in E.164: valid by the rules of the numbering plan, and different for each n. */
export function callerNumber(index: number): string {
  const area = AREA_CODES[index % AREA_CODES.length];
  const line = FIRST_LINE + Math.floor(index / AREA_CODES.length);
  if (area === undefined || line >= FIRST_LINE + LINES) throw new Error('There are no more callers.');
  return `+1${area}555${String(line).padStart(4, '0')}`;
}

/** A number that cannot exist: no exchange begins with 1. */
export function impossibleNumber(index: number): string {
  const area = AREA_CODES[index % AREA_CODES.length] ?? 201;
  return `+1${area}155${String(index % 10_000).padStart(4, '0')}`;
}

/** The n-th tracking number, toll-free. */
export function trackingNumber(index: number): string {
  return `+1833555${String(FIRST_LINE + index).padStart(4, '0')}`;
}
