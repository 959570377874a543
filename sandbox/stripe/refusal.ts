/** The body of an error, as Stripe's API answers it. */
export interface ErrorBody {
  readonly type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  readonly message: string;
  readonly code?: string;
  readonly param?: string;
  readonly decline_code?: string;
  readonly payment_intent?: unknown;
}

/** An answer that is an error. `keepsEffects`: what was written before it stays (a decline is recorded, then told). */
export class Refusal extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  readonly keepsEffects: boolean;
  constructor(status: number, body: ErrorBody, keepsEffects = false) {
    super(body.message);
    this.status = status;
    this.body = body;
    this.keepsEffects = keepsEffects;
  }
}

export function invalidRequest(
  message: string,
  facts: { code?: string; param?: string; status?: number } = {},
): Refusal {
  const { status = 400, ...rest } = facts;
  return new Refusal(status, { type: 'invalid_request_error', message, ...rest });
}

export function missing(kind: string, id: string, param: string, status = 404): Refusal {
  return invalidRequest(`No such ${kind}: '${id}'`, { code: 'resource_missing', param, status });
}
