import type { Lookups, NumberReport } from '../look-up-numbers.ts';
import { between, type CallFacts, measured, type Signal } from '../signal.ts';

/** The signal by which rules find that a provider did not answer. */
export const LOOKUP_MISSING = 'lookup-missing';

/** From here on a number is a suspect to IPQualityScore (75); who has abused lately has 90 and more. */
const RISK_FROM = 60;
const RISK_TO = 90;

const SUSPICIOUS: Readonly<Record<string, number>> = { voip: 0.5, toll_free: 1, premium: 1 };

/** Who answered, in the order of their names, so that the same answers are measured alike. */
const reportsOf = (lookups: Lookups | null): { provider: string; report: NumberReport }[] =>
  Object.entries(lookups ?? {})
    .flatMap(([provider, lookup]) => (lookup.state === 'known' ? [{ provider, report: lookup.report }] : []))
    .sort((a, b) => (a.provider < b.provider ? -1 : 1));

/** The type of the line that speaks most against the call, and who says so. */
function worstLine({ lineType, lookups }: CallFacts) {
  const stated = [
    ...(lineType === null ? [] : [{ by: 'report', lineType }]),
    ...reportsOf(lookups).map(({ provider, report }) => ({
      by: provider,
      lineType: report.lineType ?? 'other',
    })),
  ].map((one) => ({ ...one, strength: SUSPICIOUS[one.lineType] ?? 0 }));
  return stated.reduce<(typeof stated)[number] | null>(
    (worst, one) => (one.strength > (worst?.strength ?? 0) ? one : worst),
    null,
  );
}

/** What external services say of the caller's number; who of them said it stands in the value. */
export const lookupSignals: readonly Signal[] = [
  {
    name: 'line-type',
    version: 2,
    text: 'a provider says that the line is a premium, toll-free or VoIP one',
    measure(call) {
      const worst = worstLine(call);
      return worst === null ? null : measured(worst.strength, { lineType: worst.lineType, by: worst.by });
    },
  },
  {
    name: 'number-risk',
    version: 1,
    text: "a provider says that the caller's number is a risk, or nobody's",
    measure({ lookups }) {
      const risks = reportsOf(lookups).map(({ provider, report: { valid, riskScore } }) => ({
        by: provider,
        risk: valid ? (riskScore ?? 0) : 100,
      }));
      const [worst] = risks.toSorted((a, b) => b.risk - a.risk);
      return worst === undefined ? null : measured(between(worst.risk, RISK_FROM, RISK_TO), worst);
    },
  },
  {
    name: LOOKUP_MISSING,
    version: 1,
    text: 'a provider that the campaign asks about callers did not answer, or was not asked',
    measure({ lookups }) {
      const missing = Object.entries(lookups ?? {}).flatMap(([provider, { state }]) =>
        state === 'known' ? [] : [[provider, state] as const],
      );
      return missing.length === 0 ? null : { strength: 1, value: Object.fromEntries(missing.toSorted()) };
    },
  },
];
