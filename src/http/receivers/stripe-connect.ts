import { PermanentError } from '../../errors.ts';
import { verifyStripeWebhook } from '../../integrations/stripe/events.ts';
import { type Receiver, textSecretsOrUnknown } from './receiver.ts';

/** The endpoint of connected accounts. Its secret speaks for them alone: an event of no account is refused. */
export const stripeConnect: Receiver = {
  name: 'stripe-connect',
  path: '/webhooks/stripe/connect',
  verified: 'as the other endpoint of Stripe, by secrets of its own',
  headers: ['stripe-signature'],
  variables: ['STRIPE_CONNECT_WEBHOOK_SECRETS'],
  eventId: '`id` of the event',
  enqueues: 'which object of which connected account changed',
  take({ body, header }, { stripeConnectWebhookSecrets }, nowMs) {
    const secrets = textSecretsOrUnknown(stripeConnectWebhookSecrets);
    const event = verifyStripeWebhook(body, header('stripe-signature') ?? '', secrets, nowMs);
    if (event.account !== null) return { stripe: event };
    throw new PermanentError('BODY_MALFORMED', 'An event of connected accounts names none.');
  },
};
