/** Of the binomial distribution: the chance of `k` or more of `n`, where each has the chance `p`. */
export function chanceOfAtLeast(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  // From below the mean the first term may be too small for a number, and the sum is of the others.
  if (k < n * p) return 1 - chanceOfAtLeast(n - k + 1, n, 1 - p);
  let term = Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
  let sum = term;
  for (let i = k; i < n && term > sum * 1e-12; i += 1) {
    term *= (((n - i) / (i + 1)) * p) / (1 - p);
    sum += term;
  }
  return Math.min(1, sum);
}

const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/** Stirling's series, which is exact to ten digits from here on. */
function logFactorial(n: number): number {
  if (n < 20)
    return Math.log(Array.from({ length: n }, (_, i) => i + 1).reduce((product, i) => product * i, 1));
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3);
}

/** The lower bound of Wilson's interval (95 %) of a share of `k` in `n`: what it is at least, however few there are. */
export function leastShare(k: number, n: number): number {
  if (n === 0) return 0;
  const z2 = 1.96 ** 2;
  const share = Math.min(k, n) / n;
  const margin = 1.96 * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  return Math.max(0, (share + z2 / (2 * n) - margin) / (1 + z2 / n));
}

/**
 * How much an unlikely count says: from 0 at a chance of one in sixteen to 1 at one in a hundred million, as the root, because the
 * first of it says most.
 */
export function unlikely(chance: number): number {
  const tens = -Math.log10(Math.max(chance, 1e-300));
  return Math.sqrt(Math.min(1, Math.max(0, (tens - 1.2) / 6.8)));
}
