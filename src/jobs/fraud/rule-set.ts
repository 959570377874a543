import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
import { LOOKUP_PROVIDERS } from './look-up-numbers.ts';
import { signals } from './signals.ts';

const weight = z.int().min(0).max(100);
const names = signals.map(({ name }) => name);
/** Every signal has a weight: one that is forgotten would count nothing, and nobody would see it. */
const weights = z.strictObject(Object.fromEntries(names.map((name) => [name, weight])));

const thresholds = z
  .strictObject({ holdAt: z.int().min(1).max(100), rejectAt: z.int().min(1).max(101) })
  .refine(({ holdAt, rejectAt }) => holdAt <= rejectAt, { error: 'holdAt is above rejectAt' });

const shape = {
  /** Signal → points at full strength. */
  weights,
  /** A score from `holdAt` on waits for a person, one from `rejectAt` on is rejected; 101 is never reached. */
  thresholds,
  /** What becomes of a call that was held and that no person decided in time. */
  expiry: z.strictObject({ hours: z.int().min(1).max(720), decision: z.enum(['qualify', 'reject']) }),
  /** Who is asked about callers; with `required` a call waits for a person when one of them did not answer. */
  lookups: z.strictObject({ providers: z.array(z.enum(LOOKUP_PROVIDERS)).max(3), required: z.boolean() }),
};

const rules = z.strictObject(shape);
export type Rules = z.infer<typeof rules>;

/** What asking may cost: requests of a day of UTC, and for how long a report stands. */
const limits = z.strictObject({
  mostPerDay: z.int().min(0).max(1_000_000),
  keptDays: z.int().min(1).max(90),
});

/** Two spellings of one id would be one campaign, and one of them be lost. */
const eachOnce = z.record(z.string(), z.unknown()).superRefine((campaigns, context) => {
  const ids = Object.keys(campaigns).map((id) => id.toLowerCase());
  for (const id of new Set(ids.filter((one, nth) => ids.indexOf(one) !== nth)))
    context.addIssue({ code: 'custom', path: [id], message: 'is there more than once' });
});

const ruleSet = z
  .strictObject({
    default: rules,
    /** Campaign → what differs in it; weights one by one, the others whole. The database writes ids in small letters. */
    campaigns: eachOnce
      .pipe(
        z.record(z.uuid().toLowerCase(), z.strictObject({ ...shape, weights: weights.partial() }).partial()),
      )
      .default({}),
    /** Provider → what asking it may cost, of all campaigns together. */
    lookups: z.partialRecord(z.enum(LOOKUP_PROVIDERS), limits).default({}),
  })
  .superRefine((set, context) => {
    const asked = [set.default, ...Object.values(set.campaigns)].flatMap(
      (one) => one.lookups?.providers ?? [],
    );
    for (const provider of new Set(asked))
      if (set.lookups[provider] === undefined)
        context.addIssue({
          code: 'custom',
          path: ['lookups', provider],
          message: 'is asked, and has no limits',
        });
  });
export type RuleSet = z.infer<typeof ruleSet>;

/** Reads a rule set; RULES_INVALID names the path of each fault. */
export function parseRuleSet(value: unknown): RuleSet {
  const result = ruleSet.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          path: [...issue.path, key].join('.'),
          message: 'nothing of this name is known',
        }))
      : [{ path: issue.path.join('.') || '(top)', message: issue.message }],
  );
  const text = faults.map(({ path, message }) => `${path}: ${message}`).join('\n');
  throw new PermanentError('RULES_INVALID', `The rules cannot be used:\n${text}`, { detail: { faults } });
}

const known = z
  .record(z.string(), z.unknown())
  .transform((given) => Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name))));
const storedSet = z.looseObject({
  default: z.looseObject({ weights: known }),
  campaigns: z.record(z.string(), z.looseObject({ weights: known.optional() })).optional(),
});

/**
 * Reads a set as whichever build stored it: a signal that came after it counts nothing, and one that is measured no more is left out.
 * What decided goes on deciding.
 */
export function readStoredRules(stored: unknown): RuleSet {
  const { data } = storedSet.safeParse(stored);
  if (data === undefined) return parseRuleSet(stored);
  const nothing = Object.fromEntries(names.map((name) => [name, 0]));
  const lookups = { providers: [], required: false };
  const usual = { lookups, ...data.default, weights: { ...nothing, ...data.default.weights } };
  return parseRuleSet({ ...data, default: usual });
}

/** The rules of a campaign. */
export function rulesFor({ default: usual, campaigns }: RuleSet, campaignId: string | null): Rules {
  const own = campaignId === null ? undefined : campaigns[campaignId];
  return {
    weights: Object.fromEntries(
      names.map((name) => [name, own?.weights?.[name] ?? usual.weights[name] ?? 0]),
    ),
    thresholds: own?.thresholds ?? usual.thresholds,
    expiry: own?.expiry ?? usual.expiry,
    lookups: own?.lookups ?? usual.lookups,
  };
}
