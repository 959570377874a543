import { callrail } from './callrail.ts';
import { convoso } from './convoso.ts';
import { hmac } from './hmac.ts';
import { invoca } from './invoca.ts';
import type { Receiver } from './receiver.ts';
import { retreaver } from './retreaver.ts';
import { ringba } from './ringba.ts';
import { standard } from './standard.ts';
import { stripe } from './stripe.ts';
import { stripeConnect } from './stripe-connect.ts';
import { trackdrive } from './trackdrive.ts';
import { twilio } from './twilio.ts';

/** Every webhook that is received. Routes, the table in docs/receivers.md and the fuzz follow from this list. */
export const receivers: readonly Receiver[] = [
  callrail,
  twilio,
  standard,
  hmac,
  ringba,
  retreaver,
  trackdrive,
  invoca,
  convoso,
  stripe,
  stripeConnect,
];
