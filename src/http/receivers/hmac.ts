import { readSecrets } from '../../config-files.ts';
import { isHmacSecret } from '../../config-receivers.ts';
import { fieldAt, readFields } from '../../integrations/call-tracking/fields.ts';
import { FROM_LOG } from '../../integrations/call-tracking/parse.ts';
import { verifyHmacWebhook } from '../../integrations/webhooks/hmac.ts';
import { type Receiver, readIfReadable, settingsOf, UNREAD } from './receiver.ts';

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
    const held = { ...described, secrets: readSecrets(described.secrets, isHmacSecret) };
    const { eventId } = verifyHmacWebhook(body, header, held, nowMs);
    const { only } = described;
    if (only === undefined) return { call: { source, kind: 'report', eventId } };
    // A number is text already. What is neither is for the job to read or to refuse.
    const said = fieldAt(
      readIfReadable(() => readFields(body)),
      only.field,
    );
    const kind = typeof said === 'boolean' ? String(said) : said;
    if (typeof kind !== 'string') return { call: { source, kind: UNREAD, eventId } };
    if (!only.values.includes(kind)) return { ignored: kind };
    return { call: { source, kind: kind === FROM_LOG ? 'report' : kind, eventId } };
  },
};
