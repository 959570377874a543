import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { defaultRules } from '../../src/jobs/fraud/default-rules.ts';
import { parseRuleSet, readStoredRules, rulesFor } from '../../src/jobs/fraud/rule-set.ts';
import { signals } from '../../src/jobs/fraud/signals.ts';
import { DEFAULT_RULES_FILE, renderDefaultRules } from '../helpers/default-rules.ts';

const faultsOf = (rules: unknown): unknown => {
  try {
    parseRuleSet(rules);
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    expect(error.code).toBe('RULES_INVALID');
    const { faults } = error.detail as { faults: { path: string }[] };
    for (const { path } of faults) expect(error.message).toContain(path);
    return faults.map(({ path }) => path);
  }
  return [];
};

const usual = defaultRules.default;
const { 'own-number': _weight, ...lacking } = usual.weights;

test.each<[string, unknown, string[]]>([
  [
    'an unknown signal',
    { default: { ...usual, weights: { ...usual.weights, moon: 1 } } },
    ['default.weights.moon'],
  ],
  [
    'a weight out of range',
    { default: { ...usual, weights: { ...usual.weights, 'own-number': 101 } } },
    ['default.weights.own-number'],
  ],
  ['a signal without a weight', { default: { ...usual, weights: lacking } }, ['default.weights.own-number']],
  ['no default', { campaigns: {} }, ['default']],
  [
    'thresholds in the wrong order',
    { default: { ...usual, thresholds: { holdAt: 70, rejectAt: 40 } } },
    ['default.thresholds'],
  ],
  [
    'several faults at once',
    { default: { ...usual, expiry: { hours: 0, decision: 'maybe' } }, campaigns: { nobody: {} } },
    ['default.expiry.hours', 'default.expiry.decision', 'campaigns.nobody'],
  ],
  [
    'a provider that is asked without limits',
    { default: { ...usual, lookups: { providers: ['twilio'], required: true } } },
    ['lookups.twilio'],
  ],
  [
    'a provider that nobody knows, and limits out of range',
    {
      default: { ...usual, lookups: { providers: ['oracle'], required: false } },
      lookups: { telesign: { mostPerDay: -1, keptDays: 0 } },
    },
    ['default.lookups.providers.0', 'lookups.telesign.mostPerDay', 'lookups.telesign.keptDays'],
  ],
  ['no rules at all', 'nothing', ['(top)']],
])('a rule file with %s is refused with the path of each fault', (_name, rules, paths) => {
  expect(faultsOf(rules)).toEqual(paths);
});

test('a campaign is found by its id however it is written', () => {
  const id = '6F1B1C1E-0000-4000-8000-00000000000A';
  const set = parseRuleSet({ ...defaultRules, campaigns: { [id]: { weights: { 'own-number': 5 } } } });
  expect(rulesFor(set, id.toLowerCase()).weights['own-number']).toBe(5);
  const twice = { [id]: {}, [id.toLowerCase()]: {} };
  expect(() => parseRuleSet({ ...defaultRules, campaigns: twice })).toThrow('is there more than once');
});

test('the default rules can be used, and weigh each signal there is', () => {
  expect(parseRuleSet(JSON.parse(JSON.stringify(defaultRules)))).toEqual(defaultRules);
  expect(Object.keys(usual.weights).sort()).toEqual(signals.map(({ name }) => name).sort());
});

test('the migration with the default rules is what "npm run generate" made of them', () => {
  expect(readFileSync(DEFAULT_RULES_FILE, 'utf8')).toBe(renderDefaultRules());
});

test('a set that another build stored still decides: what it does not know counts nothing, and what is measured no more is left out', () => {
  const { lookups: _lookups, ...before } = usual;
  const stored = {
    default: { ...before, weights: { ...lacking, moon: 70 } },
    campaigns: { '11111111-1111-4111-8111-111111111111': { weights: { moon: 1, 'anonymous-caller': 9 } } },
  };
  const read = readStoredRules(stored);
  expect(read.default).toEqual({ ...usual, weights: { ...usual.weights, 'own-number': 0 } });
  expect(Object.values(read.campaigns)).toEqual([{ weights: { 'anonymous-caller': 9 } }]);
  expect(readStoredRules(JSON.parse(JSON.stringify(defaultRules)))).toEqual(defaultRules);
  expect(() => readStoredRules({ default: { weights: {} } })).toThrow('default.thresholds');
});
