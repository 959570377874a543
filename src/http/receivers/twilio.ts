import { PermanentError } from '../../errors.ts';
import { fieldAt, readFields, readForm } from '../../integrations/call-tracking/fields.ts';
import { kindOfTwilio } from '../../integrations/call-tracking/twilio.ts';
import {
  isPlainTwilioForm,
  type TwilioForm,
  verifyTwilioWebhook,
} from '../../integrations/webhooks/twilio.ts';
import {
  hashOf,
  type Receiver,
  readIfReadable,
  textSecretsOrUnknown,
  UNREAD,
  unknownRoute,
} from './receiver.ts';

/** What Twilio posts, or something that has its forms, ids and signatures. It tries nothing a second time by itself. */
export const twilio: Receiver = {
  name: 'twilio',
  path: '/webhooks/twilio',
  verified:
    'base64 of HMAC-SHA1 over PUBLIC_URL with path and query, and the fields of a form or the `bodySHA256` of another body, no stamp; where a form does not fit, without its `StirVerstat` and `CallToken`, which are not read then',
  headers: ['x-twilio-signature'],
  variables: ['TWILIO_SIGNING_TOKENS', 'PUBLIC_URL'],
  eventId:
    '`CallSid`, with what ended, `DialCallSid` or `SequenceNumber`, and status; SHA-256 of the body where it names no call',
  enqueues:
    'the call of a request with `DialCallStatus` (the `action` of a `<Dial>`); nothing of call progress',
  // The `action` of a `<Dial>` wants TwiML. This has no verb, which ends the call; the buyer has left it by then.
  answer: { statusCode: 200, contentType: 'text/xml', body: '<Response/>' },
  take({ body: sent, target, header }, { twilioSigningTokens, publicUrl }) {
    const tokens = textSecretsOrUnknown(twilioSigningTokens);
    if (publicUrl === null) throw unknownRoute();
    const url = `${publicUrl.endsWith('/') ? publicUrl.slice(0, -1) : publicUrl}${target}`;
    const { body, ...left } = signedPart(sent, target, {
      url,
      signature: header('x-twilio-signature'),
      tokens,
    });
    const fields = readIfReadable(() => readFields(body));
    const textOf = (name: string) => shortText(fieldAt(fields, name));
    const callId = textOf('CallSid');
    if (callId === '')
      return { call: { source: 'twilio', kind: UNREAD, eventId: hashOf(body), body }, ...left };
    const kind = kindOfTwilio(fields);
    if (kind === null) return { ignored: `call progress ${textOf('CallStatus')}`, ...left };
    const status = textOf('DialCallStatus') || textOf('CallStatus');
    const leg = textOf('DialCallSid') || textOf('SequenceNumber') || '0';
    const eventId = [callId, kind, leg, status].join('.');
    return { call: { source: 'twilio', kind, eventId, body }, ...left };
  },
};

/** As somebody says in public, Twilio adds these when it has signed already. */
const ADDED_LATER = ['StirVerstat', 'CallToken'];

/**
 * What is signed of a body: all of it, or all but those fields, which are left out then. So nobody can vouch for a caller by
 * a field that no signature covers. Throws SIGNATURE_INVALID.
 */
function signedPart(body: Buffer, target: string, by: Parameters<typeof verifyTwilioWebhook>[2]) {
  const verify = (part: Buffer) => verifyTwilioWebhook(part, () => formOf(part, target), by);
  try {
    verify(body);
    return { body };
  } catch (error) {
    const part = withoutLater(body);
    if (part === null) throw error;
    verify(part);
    return { body: part, leftOut: ADDED_LATER };
  }
}

/** Null of a body that has none of those fields, or is no form. */
function withoutLater(body: Buffer): Buffer | null {
  const form = Object.entries(readIfReadable(() => readForm(body)));
  const kept = form.filter(([name]) => !ADDED_LATER.includes(name));
  if (kept.length === form.length) return null;
  const text = new URLSearchParams();
  for (const [name, value] of kept) for (const one of [value].flat()) text.append(name, String(one));
  return Buffer.from(text.toString());
}

const shortText = (value: unknown) => (typeof value === 'string' ? value.slice(0, 64) : '');

/** What is no form, or one that could be read in two ways, is not signed as one. */
function formOf(body: Buffer, target: string): TwilioForm {
  try {
    const form = readForm(body);
    if (isPlainTwilioForm(target, form)) return form;
  } catch {}
  throw new PermanentError('SIGNATURE_INVALID', 'The body of the webhook is no form of Twilio.');
}
