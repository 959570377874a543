import type { Call } from './decide-call.ts';
import { type LookupServices, type Lookups, lookUpNumbers } from './look-up-numbers.ts';
import { brokenConditions } from './qualification.ts';
import type { RulesOf } from './read-rules.ts';
import { rulesFor } from './rule-set.ts';

type ReadCall = Parameters<RulesOf>[0] & { readonly callId: string };

/** A call whose number is being asked about, or whose turn did not come; a provider's line may be some hundred calls long. */
export const COMES_AGAIN_MS = 3_000;

/**
 * Asks about the callers of a batch whom its rules ask about, and answers the calls with what is known; null in the place of a
 * call that must come again for it. Nobody is paid for a call that its terms pay nothing for, or that
 * a person has decided; what was known of a call at first stays.
 */
export async function lookUpCallers<C extends ReadCall>(
  calls: readonly C[],
  rulesOf: RulesOf,
  services: LookupServices & { readonly signal: AbortSignal },
): Promise<(C | null)[]> {
  const asked = calls.map((call) => ({
    callId: call.callId,
    callerNumber: call.callerNumber,
    providers: call.lookups === null && isWorthAsking(call) ? providersOf(call, rulesOf) : [],
  }));
  const found: ReadonlyMap<string, Lookups | null> = await lookUpNumbers(asked, services, services.signal);
  return calls.map((call) => {
    const lookups = found.get(call.callId);
    return lookups === undefined ? call : lookups === null ? null : { ...call, lookups };
  });
}

const isWorthAsking = (call: Call): boolean =>
  call.terms !== null && call.decided === null && brokenConditions(call).length === 0;

function providersOf(call: ReadCall, rulesOf: RulesOf) {
  const { set } = rulesOf(call);
  return rulesFor(set, call.campaignId).lookups.providers.flatMap((provider) => {
    const limits = set.lookups[provider];
    return limits === undefined ? [] : [{ provider, ...limits }];
  });
}
