/** Events about something that their job reads again; the others are recorded when they come, and not missed when they do not. */
export function isUsed({
  type,
  account,
}: {
  readonly type: string;
  readonly account: string | null;
}): boolean {
  if (account !== null) return false;
  const isOfInvoice = type.startsWith('invoice.') && type !== 'invoice.deleted';
  return type === 'balance.available' || type.startsWith('payment_intent.') || isOfInvoice;
}
