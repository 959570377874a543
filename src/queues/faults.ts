import type { ErrorCode } from '../errors.ts';

/** Who must act on a failure: its developers or operators, whoever is at the other end, or who gave the data. */
export const FAULTS = ['ours', 'counterparty', 'data'] as const;
export type Fault = (typeof FAULTS)[number];

const COUNTERPARTY: readonly ErrorCode[] = [
  'ANSWER_INVALID',
  'CUSTOMER_BALANCE',
  'INVOICE_CHANGED',
  'STRIPE_OUTCOME_UNKNOWN',
  'STRIPE_REFUSED',
  'STRIPE_UNAVAILABLE',
  'TAX_NOT_COMPUTED',
  'TOPUP_MISMATCH',
];
const DATA: readonly ErrorCode[] = [
  'AMOUNT_INVALID',
  'BODY_MALFORMED',
  'BODY_TOO_LARGE',
  'CALL_UNKNOWN',
  'CURRENCY_UNKNOWN',
  'PAYLOAD_INVALID',
];

/** Whose fault a failure of this code is; what says nothing else is ours. */
export function faultOf(code: string): Fault {
  if (COUNTERPARTY.some((one) => one === code)) return 'counterparty';
  return DATA.some((one) => one === code) ? 'data' : 'ours';
}
