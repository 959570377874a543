import { z } from 'zod';
import { PermanentError } from '../../errors.ts';
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
};

const rules = z.strictObject(shape);
export type Rules = z.infer<typeof rules>;

const ruleSet = z.strictObject({
  default: rules,
  /** Campaign → what differs in it; weights one by one, the others whole. */
  campaigns: z
    .record(z.uuid(), z.strictObject({ ...shape, weights: weights.partial() }).partial())
    .default({}),
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

/** The rules of a campaign. */
export function rulesFor({ default: usual, campaigns }: RuleSet, campaignId: string | null): Rules {
  const own = campaignId === null ? undefined : campaigns[campaignId];
  return {
    weights: Object.fromEntries(
      names.map((name) => [name, own?.weights?.[name] ?? usual.weights[name] ?? 0]),
    ),
    thresholds: own?.thresholds ?? usual.thresholds,
    expiry: own?.expiry ?? usual.expiry,
  };
}
