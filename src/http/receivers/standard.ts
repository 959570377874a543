import { readJsonObject } from '../../integrations/call-tracking/json.ts';
import { CALL_EVENT_TYPES } from '../../integrations/call-tracking/standard.ts';
import { verifyStandardWebhook } from '../../integrations/webhooks/standard.ts';
import { type Receiver, readIfReadable, settingsOf, UNREAD } from './receiver.ts';

/** Every sender that signs by Standard Webhooks and posts our own body. */
export const standard: Receiver = {
  name: 'standard',
  path: '/webhooks/calls/:source',
  verified:
    'Standard Webhooks: `v1` (HMAC-SHA256) by `whsec_…` or `v1a` (ed25519) by `whpk_…` over id, stamp and body; 300 s before and after',
  headers: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
  variables: ['CALL_WEBHOOK_SECRETS'],
  eventId: '`webhook-id`',
  enqueues: 'the call of `call.completed` and `call.modified`; nothing of other types',
  sources: ({ callWebhookSecrets }) => Object.keys(callWebhookSecrets),
  take({ body, param, header }, { callWebhookSecrets }, nowMs) {
    const source = param('source');
    const secrets = settingsOf(callWebhookSecrets, source);
    const headers = {
      id: header('webhook-id'),
      timestamp: header('webhook-timestamp'),
      signature: header('webhook-signature'),
    };
    const { eventId } = verifyStandardWebhook(body, headers, secrets, nowMs);
    const { type } = readIfReadable(() => readJsonObject(body));
    if (typeof type !== 'string') return { call: { source, kind: UNREAD, eventId } };
    const kind = CALL_EVENT_TYPES.find((known) => known === type);
    // Refusing it would make the sender try for a day and then switch the whole endpoint off.
    return kind === undefined ? { ignored: type } : { call: { source, kind, eventId } };
  },
};
