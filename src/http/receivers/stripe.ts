import { verifyStripeWebhook } from '../../integrations/stripe/events.ts';
import { type Receiver, textSecretsOrUnknown } from './receiver.ts';

/** The endpoint of the platform's own account, for snapshot and for thin events. */
export const stripe: Receiver = {
  name: 'stripe',
  path: '/webhooks/stripe',
  verified: "by Stripe's library: `v1` (HMAC-SHA256) over stamp and body; 300 s before and after",
  headers: ['stripe-signature'],
  variables: ['STRIPE_WEBHOOK_SECRETS'],
  eventId: '`id` of the event',
  enqueues: 'which object changed, of snapshot and of thin events; the job reads it anew',
  take({ body, header }, { stripeWebhookSecrets }, nowMs) {
    const secrets = textSecretsOrUnknown(stripeWebhookSecrets);
    return { stripe: verifyStripeWebhook(body, header('stripe-signature') ?? '', secrets, nowMs) };
  },
};
