import { defaultRules } from '../src/jobs/fraud/default-rules.ts';
import type { RuleSet } from '../src/jobs/fraud/rule-set.ts';

const WEIGHTS: Readonly<Record<string, number>> = {
  'invalid-number': 80,
  'anonymous-caller': 45,
  'caller-velocity': 50,
};

/**
 * Rules for calls that are made up: what their makers put into them counts, and nothing else. Made-up calls are as even, and come as
 * much at once, as fraud does, so that the default rules would find them out.
 */
export const plainRules: RuleSet = {
  ...defaultRules,
  default: {
    ...defaultRules.default,
    weights: Object.fromEntries(
      Object.keys(defaultRules.default.weights).map((signal) => [signal, WEIGHTS[signal] ?? 0]),
    ),
  },
};
