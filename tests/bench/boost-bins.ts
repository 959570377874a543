/** Rows of numbers, one after the other; NaN is what is not known. */
export interface Rows {
  readonly columns: number;
  readonly values: Float64Array;
  /** 1 where the answer is yes. */
  readonly answers: Uint8Array;
  readonly weights: Float64Array;
}

/** The bins of a column: at most 64 of what is known, and the last one of what is not. */
export const SLOTS = 65;
export const UNKNOWN = SLOTS - 1;
/** Above whatever is counted: what is known goes to the left, the rest to the right. */
const EVERYTHING = 1e12;

export interface Bins {
  /** Row by row, so that a histogram of all columns reads each row once. */
  readonly slots: Uint8Array;
  /** Of each column: what a value of a slot is at most. */
  readonly edges: readonly (readonly number[])[];
}

/** To four digits, as they are written: what was trained is what is read. */
export const written = (value: number): number => Number(value.toPrecision(4));

export function binsOf({ columns, values }: Rows): Bins {
  const rows = values.length / columns;
  const slots = new Uint8Array(values.length);
  const edges = Array.from({ length: columns }, (_, column) => {
    const ofColumn = new Float64Array(rows);
    for (let row = 0; row < rows; row += 1) ofColumn[row] = values[row * columns + column] as number;
    const edges = edgesOf(ofColumn.filter((value) => !Number.isNaN(value)).sort());
    for (let row = 0; row < rows; row += 1)
      slots[row * columns + column] = slotOf(ofColumn[row] as number, edges);
    return [...edges, EVERYTHING];
  });
  return { slots, edges };
}

/** Between the values where these are few, by quantiles where they are many. */
function edgesOf(sorted: Float64Array): number[] {
  const different: number[] = [];
  for (const value of sorted) {
    if (value !== different.at(-1)) different.push(value);
    if (different.length > UNKNOWN) break;
  }
  const edges =
    different.length <= UNKNOWN
      ? different.slice(1).map((value, index) => (value + (different[index] ?? value)) / 2)
      : Array.from({ length: UNKNOWN - 1 }, (_, nth) => {
          const at = Math.floor(((nth + 1) * sorted.length) / UNKNOWN);
          return sorted[at] as number;
        });
  return [...new Set(edges.map(written))];
}

function slotOf(value: number, edges: readonly number[]): number {
  if (Number.isNaN(value)) return UNKNOWN;
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= (edges[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
