import type { CallLogSettings } from '../../src/config.ts';
import { type KnownCall, startCallLogServer } from '../call-logs/server.ts';
import type { PlannedCall } from '../traffic/calls.ts';
import type { Source } from '../traffic/plan.ts';

/** The logs of calls that the demo's two providers keep. */
export interface ProviderLogs {
  readonly settings: CallLogSettings;
  /** From now on the logs have these calls too. */
  publish(calls: readonly PlannedCall[]): void;
  close(): Promise<void>;
}

const ACCOUNT = 'ACC00000000000000000000000000000000';
const SID = `AC${'0'.repeat(32)}`;
/** Far above what the demo asks for: it plays a night in a second. */
const PER_S = 1_000;

/**
 * Every twelfth good call of CallRail or so, whose log states talk: which ones hangs on their ids, so that the others
 * stay as they are without it.
 */
export const isLost = ({ source, label, externalId }: PlannedCall): boolean =>
  source === 'callrail' && label === 'good' && Number.parseInt(externalId.slice(-4), 16) % 12 === 0;

/** CallRail for its own calls, and Twilio for those that are reported by Standard Webhooks. */
export async function startProviderLogs(): Promise<ProviderLogs> {
  const known: Record<Source, Map<string, KnownCall>> = { callrail: new Map(), demo: new Map() };
  const listed = (source: Source) => () => [...known[source].values()];
  const token = 'not-a-secret-of-the-demo';
  const callrail = await startCallLogServer({
    ...{ provider: 'callrail', account: ACCOUNT, tokens: [token], calls: listed('callrail') },
  });
  const twilio = await startCallLogServer({
    ...{ provider: 'twilio', account: SID, tokens: [token], calls: listed('demo') },
  });
  return {
    settings: {
      callrail: { accountId: ACCOUNT, apiKeys: [token], apiBase: callrail.url, perS: PER_S },
      twilio: { source: 'demo', accountSid: SID, authTokens: [token], apiBase: twilio.url, perS: PER_S },
    },
    publish(calls) {
      for (const call of calls) known[call.source].set(call.externalId, call);
    },
    async close() {
      await callrail.close();
      await twilio.close();
    },
  };
}
