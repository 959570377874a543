/**
 * Events of the platform about something that their job reads again, as Stripe's list is asked for them: twenty names are
 * the most that it takes. The others are recorded when they come, and not missed when they do not.
 */
export const USED_EVENTS: readonly string[] = [
  'balance.available',
  'invoice.created',
  'invoice.finalization_failed',
  'invoice.finalized',
  'invoice.marked_uncollectible',
  'invoice.overdue',
  'invoice.overpaid',
  'invoice.paid',
  'invoice.payment_action_required',
  'invoice.payment_failed',
  'invoice.payment_succeeded',
  'invoice.sent',
  'invoice.updated',
  'invoice.voided',
  'payment_intent.canceled',
  'payment_intent.created',
  'payment_intent.payment_failed',
  'payment_intent.processing',
  'payment_intent.requires_action',
  'payment_intent.succeeded',
];
