import type { Logger } from 'pino';
import type { CallLogSettings, Config } from './config.ts';
import type { CampaignSettings } from './config-campaigns.ts';
import { type EventSinks, openEventSinks } from './integrations/analytics/sinks.ts';
import { createCallRailLog } from './integrations/call-tracking/callrail-log.ts';
import type { CallLog } from './integrations/call-tracking/log.ts';
import { createRingbaLog } from './integrations/call-tracking/ringba-log.ts';
import { createTwilioLog } from './integrations/call-tracking/twilio-log.ts';
import { type CampaignBooks, createCampaignBooks } from './integrations/campaigns/books.ts';
import { createEverflow } from './integrations/campaigns/everflow.ts';
import { createRingba } from './integrations/campaigns/ringba.ts';
import { createTune } from './integrations/campaigns/tune.ts';
import { createIpQualityScore } from './integrations/fraud/ipqualityscore.ts';
import type { LookupProvider, NumberLookup } from './integrations/fraud/lookup.ts';
import { createTelesign } from './integrations/fraud/telesign.ts';
import { createTwilioLookup } from './integrations/fraud/twilio-lookup.ts';
import type { OpenTurns } from './integrations/http.ts';
import type { Metrics } from './metrics.ts';

/** One that has no request of its own names none. */
interface Failure {
  readonly operation: string;
  readonly code: string;
  readonly requestId?: string;
  readonly providerCode?: string | null;
}

export type ToldOfFailure = (
  provider: string,
  operation: string,
  code: string,
  more?: Pick<Failure, 'requestId' | 'providerCode'>,
) => void;

/** Counted by what we call it, and logged with what the provider calls it. */
export const tellFailures =
  (metrics: Pick<Metrics, 'integrationFailed'>, log: Pick<Logger, 'warn'>): ToldOfFailure =>
  (provider, operation, code, more) => {
    metrics.integrationFailed(provider, code);
    log.warn({ provider, operation, code, ...more }, 'integration failed');
  };

interface Told {
  /** Null is without limits. */
  readonly openTurns: OpenTurns | null;
  readonly onFailure: ToldOfFailure;
  readonly onCircuit?: (provider: string, isOpen: boolean) => void;
}

/** A provider's circuit, and who is told of failures. */
const watchOf =
  ({ onFailure, onCircuit }: Omit<Told, 'openTurns'>) =>
  (name: string) => ({
    circuit: { onChange: (isOpen: boolean) => onCircuit?.(name, isOpen) },
    onFailure: ({ operation, code, ...more }: Failure) => onFailure(name, operation, code, more),
  });

/** What every client of a provider stands on: these, and its line. Two clients may wait in one line. */
const partsOf =
  (told: Told) =>
  (name: string, perS: number, line = name) => ({
    turns: told.openTurns?.(line, perS),
    ...watchOf(told)(name),
  });

export function openCallLogs(settings: CallLogSettings | undefined, told: Told): CallLog[] {
  const { callrail = null, twilio = null, ringba = null } = settings ?? {};
  const parts = partsOf(told);
  return [
    ...(callrail === null ? [] : [createCallRailLog({ ...callrail, ...parts('callrail', callrail.perS) })]),
    ...(twilio === null ? [] : [createTwilioLog({ ...twilio, ...parts('twilio', twilio.perS) })]),
    ...(ringba === null
      ? []
      : [createRingbaLog({ ...ringba, ...parts('ringba-log', ringba.perS, 'ringba') })]),
  ];
}

export function openLookups(
  settings: Config['lookups'] | undefined,
  told: Told,
): Readonly<Record<LookupProvider, NumberLookup | null>> {
  const parts = partsOf(told);
  const open = (create: typeof createTelesign, provider: LookupProvider, name: string) => {
    const given = settings?.[provider] ?? null;
    return given === null ? null : create({ ...given, ...parts(name, given.perS) });
  };
  return {
    ipqualityscore: open(createIpQualityScore, 'ipqualityscore', 'ipqualityscore'),
    // A line and a circuit of its own, beside those of Twilio's log of calls.
    twilio: open(createTwilioLookup, 'twilio', 'twilio-lookup'),
    telesign: open(createTelesign, 'telesign', 'telesign'),
  };
}

export function openCampaigns(settings: CampaignSettings | undefined, told: Told): CampaignBooks {
  const { ringba = null, everflow = null, tune = null } = settings ?? {};
  const parts = partsOf(told);
  return createCampaignBooks({
    ringba: ringba === null ? null : createRingba({ ...ringba, ...parts('ringba', ringba.perS) }),
    everflow: everflow === null ? null : createEverflow({ ...everflow, ...parts('everflow', everflow.perS) }),
    tune: tune === null ? null : createTune({ ...tune, ...parts('tune', tune.perS) }),
  });
}

export const openEvents = (
  settings: Config['events'] | undefined,
  told: Omit<Told, 'openTurns'>,
): EventSinks => openEventSinks(settings ?? { posthog: null, webhooks: [] }, watchOf(told));
