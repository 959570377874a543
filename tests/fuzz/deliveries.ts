import { createHash } from 'node:crypto';
import { UNSIGNED_SOURCES } from '../../src/config-receivers.ts';
import {
  BODIES,
  type Delivery,
  DIAL_ENDED,
  NOW_MS,
  SENDERS,
  type Sender,
  signers,
  unsigned,
} from '../helpers/senders.ts';

/** A delivery as its sender made it. `held`: by a secret that the receiver has; `signed`: the body, where that is not it. */
export interface Made extends Delivery {
  readonly sender: string;
  readonly held: boolean;
  readonly signed?: Buffer;
}

/** Some are too old or too new, so that their stamp alone refuses them. */
const OFFSETS_MS = [0, -200_000, 200_000, -301_000, 301_000];

/** Deliveries of every sender: of several calls, ids, instants and secrets, so that parts of them can be swapped. */
export function makeDeliveries(): Made[] {
  return [
    ...SENDERS.flatMap((sender) =>
      OFFSETS_MS.flatMap((offsetMs, at) =>
        (['new', 'old', 'other'] as const).map((which) => {
          const id = `id_${at}_${which}`;
          const made = signers[sender](anotherCall(sender, id), { which, sentAtMs: NOW_MS + offsetMs, id });
          return { ...made, sender, held: which !== 'other' };
        }),
      ),
    ),
    ...makeJsonOfTwilio(),
    ...makeLateOfTwilio(),
    ...UNSIGNED_SOURCES.flatMap((sender) =>
      (['new', 'old', 'other'] as const).map((which) => {
        const body = Buffer.from(JSON.stringify({ uuid: `call-${which}`, number: '+14045558514' }));
        return { ...unsigned(sender, body, { which }), sender, held: which !== 'other' };
      }),
    ),
  ];
}

function makeJsonOfTwilio(): Made[] {
  return ['1', '2'].map((digit) => {
    const body = Buffer.from(JSON.stringify({ CallSid: `CA${digit}`, DialCallStatus: 'completed' }));
    const url = `/webhooks/twilio?bodySHA256=${createHash('sha256').update(body).digest('hex')}`;
    return { ...signers.twilio(body, { url }), sender: 'twilio', held: true };
  });
}

/** Forms to which Twilio adds fields when it has signed them. */
function makeLateOfTwilio(): Made[] {
  return ['3', '4'].map((digit) => {
    const { StirVerstat: _later, ...signed } = { ...DIAL_ENDED, CallSid: `CA${digit.repeat(32)}` };
    const body = Buffer.from(new URLSearchParams(signed).toString());
    const late = Buffer.concat([body, Buffer.from('&StirVerstat=TN-Validation-Passed-A&CallToken=%7B%7D')]);
    return { ...signers.twilio(body), body: late, signed: body, sender: 'twilio', held: true };
  });
}

/** The good body of a sender with another id of the call or the event in it. */
function anotherCall(sender: Sender, id: string): Buffer {
  const body = BODIES[sender].toString();
  const ids = ['766970532', 'call-1', 'evt_1'];
  if (sender === 'twilio')
    return Buffer.from(body.replace('1'.repeat(32), createHash('md5').update(id).digest('hex')));
  return Buffer.from(
    ids.reduce(
      (text, known) =>
        text.replace(known, known === '766970532' ? `76697${id.length}${id.charCodeAt(3)}` : id),
      body,
    ),
  );
}
