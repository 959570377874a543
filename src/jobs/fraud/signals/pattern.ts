import { evidenceOf } from '../evidence.ts';
import patterns from '../patterns.json' with { type: 'json' };
import { between, type CallFacts, measured, type Signal } from '../signal.ts';
import { judgeByTrees } from '../trees.ts';

const isPayable = ({ answered, durationS, terms }: CallFacts) =>
  answered && terms !== null && durationS >= terms.minDurationS;

/** Logarithms of odds: from where the trees say anything, and from where they are sure. */
const SAYS = { from: -2, fully: 3 };

/** Whether all that is known of the call is together as it is of fraud. */
export const patternSignals: readonly Signal[] = [
  {
    name: 'fraud-pattern',
    version: 1,
    text: 'what is known of the call, its caller and its supplier is together as it is of fraud, and hardly ever of honest calls',
    measure(call) {
      if (!isPayable(call)) return null;
      const { logOdds, because } = judgeByTrees(patterns, evidenceOf(call));
      return measured(between(logOdds, SAYS.from, SAYS.fully), because);
    },
  },
  {
    name: 'neighbouring-callers',
    version: 1,
    text: "the caller's number has neighbours among the supplier's callers, and so have many of theirs",
    measure({ supplier: { numbers, thousands }, block }) {
      if (block.numbersOfSupplier === 0) return null;
      const share = (numbers - thousands) / (numbers + 4);
      return measured(between(share, 0.01, 0.15), { numbers, thousands });
    },
  },
];
