import { codeOf, OutageError } from '../../errors.ts';

export const LOOKUP_PROVIDERS = ['ipqualityscore', 'twilio', 'telesign'] as const;
export type LookupProvider = (typeof LOOKUP_PROVIDERS)[number];

/** What a provider says of a number, in one shape for all of them. */
export interface NumberReport {
  /** Whether it can be somebody's. */
  readonly valid: boolean;
  readonly lineType: 'mobile' | 'landline' | 'voip' | 'toll_free' | 'premium' | 'other' | null;
  /** 0 to 100, the riskiest; null of a provider that scores no risk. */
  readonly riskScore: number | null;
}

/** `away`: it did not answer, refused, failed so often that it is not asked for a while, or its line cannot be read. `no_number`: there is none to ask about. */
export type Lookup =
  | { readonly state: 'known'; readonly report: NumberReport; readonly reportedAtMs: number }
  | { readonly state: 'away' | 'over_budget' | 'not_configured' | 'no_number' };

/** By provider. */
export type Lookups = Readonly<Record<string, Lookup>>;

/** `mostPerDay`: requests of a day of UTC. `keptDays`: so long a report stands, and nobody asks again. */
export interface ProviderToAsk {
  readonly provider: LookupProvider;
  readonly mostPerDay: number;
  readonly keptDays: number;
}

/** A call, and whom the rules of its campaign ask about its caller. */
export interface CallToLookUp {
  readonly callId: string;
  readonly callerNumber: string | null;
  readonly providers: readonly ProviderToAsk[];
}

interface Asked extends ProviderToAsk {
  readonly number: string;
}

/** What it needs of integrations/supabase/lookups.ts and integrations/fraud; see there. */
export interface LookupServices {
  readonly lookups: {
    read(
      calls: readonly { readonly callId: string; readonly number: string }[],
      asked: readonly Asked[],
      nowMs: number,
    ): Promise<{
      readonly calls: readonly { readonly callId: string; readonly lookups: Lookups }[];
      readonly numbers: readonly (Known & { readonly provider: string; readonly number: string })[];
    }>;
    reserve(
      asked: Asked,
      nowMs: number,
    ): Promise<
      | { readonly state: 'ask'; readonly claim: string }
      | (Known & { readonly state: 'known' })
      | { readonly state: 'under_way' }
      | { readonly state: 'over_budget' }
    >;
    end(
      ended: Asked & { claim: string; report: NumberReport | null; sent: boolean },
      nowMs: number,
    ): Promise<void>;
    remember(
      found: { callId: string; number: string; lookups: Record<string, Lookup> }[],
      nowMs: number,
    ): Promise<readonly { readonly callId: string; readonly lookups: Lookups }[]>;
  };
  readonly lookupProviders: Readonly<
    Record<
      LookupProvider,
      { isAway(): boolean; lookUp(number: string, signal: AbortSignal): Promise<NumberReport> } | null
    >
  >;
  readonly log: { error(facts: object, message: string): void };
  readonly clock: { nowMs(): number };
}

interface Known {
  readonly report: NumberReport;
  readonly reportedAtMs: number;
}

/** Of a batch, all providers together; whoever has not answered by then is away. */
const DEADLINE_MS = 2_000;
/** No request begins later, so that each has its time before the deadline; whose did not waits for its next turn. */
const BEGINS_WITHIN_MS = 500;
const AT_ONCE = 16;

/** Only these are sent to anybody: as reported, a number may be any text. */
const E164 = /^\+[1-9]\d{6,14}$/;

const keyOf = ({ provider, number }: { provider: string; number: string }) => `${provider} ${number}`;

/**
 * What providers say of the callers of a batch, by call; a call that asks nobody has nothing, and one without a number to ask
 * about has that. Null of a call that must come again in a moment: another worker is asking about its number just now, or its turn
 * did not come.
 *
 * Safe to run twice: what is known of a call and its number is written down once, so that it is scored by the same for ever, and a number
 * is paid for once in the days that its report is kept. What goes wrong with a provider is `away` and never thrown.
 */
export async function lookUpNumbers(
  calls: readonly CallToLookUp[],
  services: LookupServices,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Lookups | null>> {
  const asking = calls.flatMap(({ callId, callerNumber, providers }) => {
    const number = callerNumber ?? '';
    const asked = providers.map((provider): Asked => ({ ...provider, number }));
    return asked.length === 0 ? [] : [{ callId, number, asked }];
  });
  if (asking.length === 0) return new Map();
  const { lookups, clock } = services;
  const each = new Map(asking.flatMap(({ asked }) => asked.map((one) => [keyOf(one), one])));
  const known = asking.map(({ callId, number }) => ({ callId, number }));
  const read = await lookups.read(known, [...each.values()], clock.nowMs());
  const remembered = new Map(read.calls.map(({ callId, lookups: first }) => [callId, first]));
  const fresh = asking.filter(({ callId }) => !remembered.has(callId));

  const found = new Map<string, Lookup | 'waits'>(
    read.numbers.map(({ report, reportedAtMs, ...of }) => [
      keyOf(of),
      { state: 'known', report, reportedAtMs },
    ]),
  );
  const missing = new Set(fresh.flatMap(({ asked }) => asked.map(keyOf)).filter((key) => !found.has(key)));
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  const lastBegin = AbortSignal.any([signal, AbortSignal.timeout(BEGINS_WITHIN_MS)]);
  await inLanes([...missing], async (key) => {
    const one = each.get(key);
    if (one !== undefined && !lastBegin.aborted) found.set(key, await askFor(one, services, deadline));
  });

  const complete = fresh.flatMap(({ callId, number, asked }) => {
    const said = asked.map((one) => [one.provider, found.get(keyOf(one)) ?? 'waits'] as const);
    return said.some(([, lookup]) => lookup === 'waits')
      ? []
      : [{ callId, number, lookups: Object.fromEntries(said) as Record<string, Lookup> }];
  });
  const standing = complete.length === 0 ? [] : await lookups.remember(complete, clock.nowMs());
  for (const { callId, lookups: first } of standing) remembered.set(callId, first);
  return new Map(asking.map(({ callId }) => [callId, remembered.get(callId) ?? null]));
}

/** Each lane takes the next one when it is done. */
async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane));
}

/** The boundary of errors: whatever fails here leaves one number unknown, and neither its batch nor another provider. */
async function askFor(
  asked: Asked,
  { lookups, lookupProviders, log, clock }: LookupServices,
  signal: AbortSignal,
): Promise<Lookup | 'waits'> {
  const { provider, number } = asked;
  if (!E164.test(number)) return { state: 'no_number' };
  const service = lookupProviders[provider];
  if (service === null) return { state: 'not_configured' };
  // Before a request is spent that would not be made.
  if (service.isAway()) return { state: 'away' };
  try {
    const reserved = await lookups.reserve(asked, clock.nowMs());
    if (reserved.state === 'under_way') return 'waits';
    if (reserved.state !== 'ask') return reserved;
    const { claim } = reserved;
    const asking = await service.lookUp(number, signal).then(
      (report) => ({ report, unsent: null }),
      (error: unknown) => ({ report: null, unsent: whyUnsent(error) }),
    );
    const nowMs = clock.nowMs();
    const { report, unsent } = asking;
    await lookups.end({ ...asked, claim, report, sent: unsent === null }, nowMs);
    if (report !== null) return { state: 'known', report, reportedAtMs: nowMs };
    return unsent === 'no_turn' ? 'waits' : { state: 'away' };
  } catch (error) {
    log.error({ provider, code: codeOf(error, 'INTERNAL'), err: error }, 'number not looked up');
    return { state: 'away' };
  }
}

/** The client's word that nothing left the house, so that nothing is owed for it: `no_turn`, or `line_away`, `circuit_open` and others. */
const whyUnsent = (error: unknown): unknown =>
  error instanceof OutageError && error.detail.sent === false ? error.detail.code : null;
