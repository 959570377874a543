import { type Call, type CallDecision, decideCall } from './decide-call.ts';
import { type RuleSet, readStoredRules } from './rule-set.ts';

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

/** The rules of one call: the set that decides, and the one in shadow. */
interface RulesOfCall {
  readonly version: number;
  readonly set: RuleSet;
  readonly shadow: { readonly version: number; readonly set: RuleSet } | null;
}
export type RulesOf = (call: ReadCall) => RulesOfCall;

/**
 * Reads the rules that a batch of calls is decided by: each by the set that it was first scored by, and a new one by the set that
 * runs. So a call has one score, whenever it is looked at again; a set that is promoted decides what comes from then on.
 */
export async function readRuleSets(fraud: RuleSets, calls: readonly ReadCall[]): Promise<RulesOf> {
  const versions = new Set(calls.flatMap(({ ruleSet }) => ruleSet ?? []));
  const stored = await fraud.ruleSets([...versions]);
  const sets = new Map<number, RuleSet>(
    stored.map(({ version, rules }) => [version, readStoredRules(rules)]),
  );
  const inState = (wanted: string) => stored.find(({ state }) => state === wanted)?.version;
  const setOf = (version: number | undefined) => {
    const set = version === undefined ? undefined : sets.get(version);
    return version === undefined || set === undefined ? null : { version, set };
  };
  const shadow = setOf(inState('shadow'));
  return (call) => {
    const decides = setOf(call.ruleSet ?? inState('running'));
    if (decides === null) throw new Error('there are no rules to decide by');
    return { ...decides, shadow };
  };
}

/** Decides calls, each by its own rules. */
export const decideBy =
  (rulesOf: RulesOf) =>
  (call: ReadCall): ByRules => {
    const { version, set, shadow } = rulesOf(call);
    return {
      ...decideCall(call, set),
      ruleSet: version,
      profileDate: call.profileDate,
      shadow:
        shadow === null
          ? null
          : // The rules alone: what a person decided after the set that decides is no word of the one in shadow.
            { ruleSet: shadow.version, ...shadowOf(decideCall({ ...call, decided: null }, shadow.set)) },
    };
  };

/** The two of them, for calls about which nobody is asked any more. */
export const readRules = async (fraud: RuleSets, calls: readonly ReadCall[]) =>
  decideBy(await readRuleSets(fraud, calls));

const shadowOf = ({ score, verdict, priceMinor, shares }: CallDecision) => ({
  ...{ score, verdict, priceMinor: priceMinor ?? null, shareMinor: shares?.[0]?.shareMinor ?? null },
});
