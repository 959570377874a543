import fc from 'fast-check';

export const when = fc.constantFrom('before', 'after');

const FAULTS = [
  ...(['cut-before-commit', 'cut-after-commit', 'error-before-commit', 'error-after-commit'] as const),
  ...(['garbage-answer', 'rate-limit', 'lock-timeout'] as const),
];

/** What may befall a run of a job that has so many effects, of which so many are requests that change something at Stripe. */
export function troubleOf(job: string, { effects, requests }: { effects: number; requests: number }) {
  const step = fc.record({ call: fc.integer({ min: 1, max: effects }), when });
  const fault = fc.record({
    kind: fc.constantFrom(...FAULTS),
    skip: fc.nat(Math.max(0, requests - 1)),
    count: fc.constantFrom(1, 1, 4),
  });
  return fc.record({
    job: fc.constant(job),
    trouble: fc.record({
      step: fc.option(step, { freq: 3 }),
      overtaken: fc.constantFrom(true, false, false),
      fault: requests === 0 ? fc.constant(null) : fc.option(fault, { freq: 2 }),
    }),
  });
}
