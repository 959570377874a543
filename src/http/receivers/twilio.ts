import { PermanentError } from '../../errors.ts';
import { fieldAt, readFields, readForm } from '../../integrations/call-tracking/fields.ts';
import { kindOfTwilio } from '../../integrations/call-tracking/twilio.ts';
import {
  isPlainTwilioForm,
  type TwilioForm,
  verifyTwilioWebhook,
} from '../../integrations/webhooks/twilio.ts';
import { hashOf, type Receiver, readIfReadable, secretsOrUnknown, UNREAD, unknownRoute } from './receiver.ts';

/** What Twilio posts, or something that has its forms, ids and signatures. It tries nothing a second time by itself. */
export const twilio: Receiver = {
  name: 'twilio',
  path: '/webhooks/twilio',
  verified:
    'base64 of HMAC-SHA1 over PUBLIC_URL with path and query, and the fields of a form or the `bodySHA256` of another body; no stamp',
  headers: ['x-twilio-signature'],
  variables: ['TWILIO_SIGNING_TOKENS', 'PUBLIC_URL'],
  eventId:
    '`CallSid`, with what ended, `DialCallSid` or `SequenceNumber`, and status; SHA-256 of the body where it names no call',
  enqueues:
    'the call of a request with `DialCallStatus` (the `action` of a `<Dial>`); nothing of call progress',
  // The `action` of a `<Dial>` wants TwiML. This has no verb, which ends the call; the buyer has left it by then.
  answer: { statusCode: 200, contentType: 'text/xml', body: '<Response/>' },
  take({ body, target, header }, { twilioSigningTokens, publicUrl }) {
    const tokens = secretsOrUnknown(twilioSigningTokens);
    if (publicUrl === null) throw unknownRoute();
    const url = `${publicUrl.endsWith('/') ? publicUrl.slice(0, -1) : publicUrl}${target}`;
    const signature = header('x-twilio-signature');
    verifyTwilioWebhook(body, () => formOf(body, target), { url, signature, tokens });
    const fields = readIfReadable(() => readFields(body));
    const textOf = (name: string) => shortText(fieldAt(fields, name));
    const callId = textOf('CallSid');
    if (callId === '') return { call: { source: 'twilio', kind: UNREAD, eventId: hashOf(body) } };
    const kind = kindOfTwilio(fields);
    if (kind === null) return { ignored: `call progress ${textOf('CallStatus')}` };
    const status = textOf('DialCallStatus') || textOf('CallStatus');
    const eventId = [callId, kind, textOf('DialCallSid') || textOf('SequenceNumber') || '0', status].join(
      '.',
    );
    return { call: { source: 'twilio', kind, eventId } };
  },
};

const shortText = (value: unknown) => (typeof value === 'string' ? value.slice(0, 64) : '');

/** What is no form, or one that could be read in two ways, is not signed as one. */
function formOf(body: Buffer, target: string): TwilioForm {
  try {
    const form = readForm(body);
    if (isPlainTwilioForm(target, form)) return form;
  } catch {}
  throw new PermanentError('SIGNATURE_INVALID', 'The body of the webhook is no form of Twilio.');
}
