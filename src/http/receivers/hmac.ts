import { fieldAt, readFields } from '../../integrations/call-tracking/fields.ts';
import { verifyHmacWebhook } from '../../integrations/webhooks/hmac.ts';
import { type Receiver, settingsOf } from './receiver.ts';

/** Senders that sign by HMAC in a way of their own, as HMAC_RECEIVERS describes it. */
export const hmac: Receiver = {
  name: 'hmac',
  path: '/webhooks/hmac/:source',
  verified:
    'HMAC as described: algorithm, encoding, prefix, signed text, tolerance of the stamp where one is signed',
  headers: ['as described'],
  variables: ['HMAC_RECEIVERS'],
  eventId: 'the signed id, or SHA-256 of the body',
  enqueues: 'the call, by the described fields; nothing of what `only` leaves out',
  sources: ({ hmacReceivers }) => Object.keys(hmacReceivers),
  take({ body, param, header }, { hmacReceivers }, nowMs) {
    const source = param('source');
    const described = settingsOf(hmacReceivers, source);
    const { eventId } = verifyHmacWebhook(body, header, described, nowMs);
    const fields = readFields(body);
    const { only } = described;
    const kind = only === undefined ? 'report' : fieldAt(fields, only.field);
    if (typeof kind !== 'string' || (only !== undefined && !only.values.includes(kind)))
      return { ignored: String(kind).slice(0, 64) };
    return { call: { source, kind, eventId } };
  },
};
