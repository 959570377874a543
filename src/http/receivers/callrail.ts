import { readJsonObject } from '../../integrations/call-tracking/json.ts';
import { callRailEventId, verifyCallRailWebhook } from '../../integrations/webhooks/callrail.ts';
import { type Receiver, readIfReadable, textSecretsOrUnknown, unknownRoute } from './receiver.ts';

/**
 * Each kind of CallRail's webhooks has an address of its own, since the body does not tell which it is. `false`: it is no
 * finished inbound call. Source: CallRail API, "Webhooks"; it names the kinds and not how an address spells them.
 */
const KINDS: Readonly<Record<string, boolean>> = {
  post_call: true,
  call_modified: true,
  pre_call: false,
  call_routing_complete: false,
  outbound_post_call: false,
  outbound_call_modified: false,
  text_message_received: false,
  text_message_sent: false,
  form_submission: false,
  convert_assist_complete: false,
};

/** CallRail tries no webhook a second time: what is refused here is brought by its log of calls. */
export const callrail: Receiver = {
  name: 'callrail',
  path: '/webhooks/callrail/:kind',
  verified:
    'base64 of HMAC-SHA1 over the body, not over the kind in the path; no stamp, so that a replay is the same event',
  headers: ['signature'],
  variables: ['CALLRAIL_SIGNING_KEYS'],
  eventId: 'call and SHA-256 of the body, whichever kind its address says',
  enqueues: `the call of ${kindsThat(true)}; nothing of ${kindsThat(false)}`,
  take({ body, param, header }, { callRailSigningKeys }) {
    const kind = param('kind');
    if (!Object.hasOwn(KINDS, kind)) throw unknownRoute();
    verifyCallRailWebhook(body, header('signature'), textSecretsOrUnknown(callRailSigningKeys));
    if (!KINDS[kind]) return { ignored: kind };
    const eventId = callRailEventId(
      body,
      readIfReadable(() => readJsonObject(body)),
    );
    return { call: { source: 'callrail', kind, eventId } };
  },
};

function kindsThat(isCall: boolean): string {
  return Object.keys(KINDS)
    .filter((kind) => KINDS[kind] === isCall)
    .map((kind) => `\`${kind}\``)
    .join(', ');
}
