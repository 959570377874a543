import { type Call, type CallDecision, decideCall } from './decide-call.ts';
import { parseRuleSet, type RuleSet } from './rule-set.ts';

/** A call as it is read, with the rules and the profile that it was first scored by. */
interface ReadCall extends Call {
  readonly ruleSet: number | null;
  readonly profileDate: string | null;
}

interface RuleSets {
  ruleSets(
    versions: readonly number[],
  ): Promise<readonly { readonly version: number; readonly state: string; readonly rules: unknown }[]>;
}

/** What became of a call by its rules, as the database records it. */
export interface ByRules extends CallDecision {
  readonly ruleSet: number;
  readonly profileDate: string | null;
  readonly shadow: {
    readonly ruleSet: number;
    readonly score: number;
    readonly verdict: CallDecision['verdict'];
    readonly priceMinor: number | null;
    readonly shareMinor: number | null;
  } | null;
}

/**
 * Reads the rules that a batch of calls is decided by: each by the set that it was first scored by, and a new one by the set that
 * runs. So a call has one score, whenever it is looked at again; a set that is promoted decides what comes from then on.
 */
export async function readRules(
  fraud: RuleSets,
  calls: readonly ReadCall[],
): Promise<(call: ReadCall) => ByRules> {
  const versions = new Set(calls.flatMap(({ ruleSet }) => ruleSet ?? []));
  const stored = await fraud.ruleSets([...versions]);
  const sets = new Map<number, RuleSet>(stored.map(({ version, rules }) => [version, parseRuleSet(rules)]));
  const running = stored.find(({ state }) => state === 'running')?.version;
  const shadow = stored.find(({ state }) => state === 'shadow')?.version;
  return (call) => {
    const version = call.ruleSet ?? running;
    const set = version === undefined ? undefined : sets.get(version);
    if (version === undefined || set === undefined) throw new Error('there are no rules to decide by');
    const inShadow = shadow === undefined ? undefined : sets.get(shadow);
    return {
      ...decideCall(call, set),
      ruleSet: version,
      profileDate: call.profileDate,
      shadow:
        shadow === undefined || inShadow === undefined
          ? null
          : // The rules alone: what a person decided after the set that decides is no word of the one in shadow.
            { ruleSet: shadow, ...shadowOf(decideCall({ ...call, decided: null }, inShadow)) },
    };
  };
}

const shadowOf = ({ score, verdict, priceMinor, shares }: CallDecision) => ({
  ...{ score, verdict, priceMinor: priceMinor ?? null, shareMinor: shares?.[0]?.shareMinor ?? null },
});
