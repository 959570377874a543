import { z } from 'zod';
import { codeOf } from '../../errors.ts';
import type { Currency } from '../../money.ts';
import type { StripeClient } from './client.ts';
import type { StripeFailure } from './errors.ts';
import { epochMs, listSchema, minorUnits, readAllPages } from './schemas.ts';

/** What the planner froze; the same body is sent under the same key however often it is tried. */
export interface FrozenTransfer {
  readonly payoutId: string;
  readonly generation: number;
  readonly amountMinor: number;
  readonly currency: Currency;
  /** `acct_…` of the supplier. */
  readonly destination: string;
  readonly description: string;
}

export interface Transfer {
  readonly id: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly destination: string;
  readonly balanceTransactionId: string;
  readonly createdMs: number;
}

/**
 * How one send ended.
 *
 * - `sent`: Stripe answered with the transfer (first answer or a replay of it).
 * - `refused`: a definite refusal of this very body (no funds, account cannot take transfers, …); nothing moved.
 * - `unknown`: it may have happened (no answer, 5xx, unreadable answer). Only a look-up ends this.
 * - `wait`: not executed and not stored under the key (429, lock_timeout, 401, or the key is in use): the same key may be sent again.
 * - `mismatch`: the key was used with another body: nothing may be sent before a person has looked.
 */
export type SendResult =
  | { readonly kind: 'sent'; readonly transfer: Transfer }
  | { readonly kind: 'refused'; readonly providerCode: string; readonly message: string }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'wait'; readonly reason: string; readonly delayMs: number }
  | { readonly kind: 'mismatch'; readonly message: string };

export interface StripeTransfers {
  /** Sends under the key `payout-<payoutId>-<generation>`, transfer_group `payout-<payoutId>`, metadata.payout_id. Never throws for an answer of Stripe or the lack of one. */
  send(transfer: FrozenTransfer, options: { signal: AbortSignal }): Promise<SendResult>;
  /**
   * Reads the full listing of the transfer group (never Search, which is eventually consistent) and returns the
   * transfer that carries our payout id, or null when no page has it. Throws OutageError when a page cannot be read.
   */
  findByPayout(payoutId: string, options: { signal: AbortSignal }): Promise<Transfer | null>;
  /** The payout that a transfer says it is of; null when it is none of ours. Throws PermanentError when Stripe has no such transfer. */
  readPayoutId(transferId: string, options: { signal: AbortSignal }): Promise<string | null>;
  /** What a movement of category `transfer_reversal` took back: the movement itself does not say of which transfer. */
  readReversal(movementId: string, options: { signal: AbortSignal }): Promise<Reversal>;
}

export interface Reversal {
  /** `trr_…` */
  readonly id: string;
  readonly movementId: string;
  readonly transferId: string;
}

const transferSchema = z.object({
  id: z.string(),
  amount: minorUnits,
  currency: z.string(),
  destination: z.string(),
  balance_transaction: z.string(),
  created: epochMs,
  metadata: z.record(z.string(), z.string()),
});

const reversalSchema = z
  .object({ id: z.string(), source: z.object({ id: z.string(), transfer: z.string() }) })
  .transform(({ id, source }): Reversal => ({ id: source.id, movementId: id, transferId: source.transfer }));

export function createStripeTransfers(client: StripeClient): StripeTransfers {
  return {
    async send(frozen, { signal }) {
      if (signal.aborted) return { kind: 'wait', reason: 'aborted before it was sent', delayMs: 1_000 };
      const operation = 'transfers.create';
      const key = `payout-${frozen.payoutId}-${frozen.generation}`;
      try {
        const answer = await client.post({
          operation,
          signal,
          schema: transferSchema,
          run: (sdk) => sdk.transfers.create(bodyOf(frozen), { idempotencyKey: key }),
        });
        return answer.ok ? resultOf(frozen, answer.value) : resultOfFailure(answer.failure);
      } catch (error) {
        // The transfer was made, in the other mode: nobody but a person can tell what that means.
        if (codeOf(error, 'STRIPE_OUTCOME_UNKNOWN') === 'STRIPE_MODE_MISMATCH') {
          return { kind: 'mismatch', message: 'The transfer is of the other mode, live or test.' };
        }
        return { kind: 'unknown', reason: error instanceof Error ? error.message : 'no readable answer' };
      }
    },
    async findByPayout(payoutId, { signal }) {
      const found = await readAllPages((after) =>
        client.read({
          operation: 'transfers.list',
          signal,
          schema: listSchema(transferSchema),
          run: (sdk) =>
            sdk.transfers.list({ transfer_group: groupOf(payoutId), limit: 100, ...cursor(after) }),
        }),
      );
      const ours = found.find(({ metadata }) => metadata.payout_id === payoutId);
      return ours === undefined ? null : toTransfer(ours);
    },
    async readPayoutId(transferId, { signal }) {
      const { metadata } = await client.read({
        operation: 'transfers.retrieve',
        signal,
        schema: transferSchema,
        run: (sdk) => sdk.transfers.retrieve(transferId),
      });
      return metadata.payout_id ?? null;
    },
    readReversal: (movementId, { signal }) =>
      client.read({
        operation: 'balanceTransactions.retrieve',
        signal,
        schema: reversalSchema,
        run: (sdk) => sdk.balanceTransactions.retrieve(movementId, { expand: ['source'] }),
      }),
  };
}

function groupOf(payoutId: string): string {
  return `payout-${payoutId}`;
}

function bodyOf({ payoutId, amountMinor, currency, destination, description }: FrozenTransfer) {
  const metadata = { payout_id: payoutId };
  return {
    amount: amountMinor,
    currency,
    destination,
    description,
    transfer_group: groupOf(payoutId),
    metadata,
  };
}

/** A transfer that is not what was frozen is nobody's to adopt. */
function resultOf(frozen: FrozenTransfer, answer: z.output<typeof transferSchema>): SendResult {
  const transfer = toTransfer(answer);
  const same =
    transfer.amountMinor === frozen.amountMinor &&
    transfer.currency === frozen.currency &&
    transfer.destination === frozen.destination &&
    answer.metadata.payout_id === frozen.payoutId;
  if (same) return { kind: 'sent', transfer };
  return {
    kind: 'mismatch',
    message: `Stripe answered with ${transfer.id}, which is not the transfer that was sent.`,
  };
}

function resultOfFailure({ kind, code, message }: StripeFailure): SendResult {
  switch (kind) {
    case 'limited':
      return { kind: 'wait', reason: code, delayMs: code === 'lock_timeout' ? 1_000 : 5_000 };
    case 'in-use':
      return { kind: 'wait', reason: code, delayMs: 2_000 };
    case 'denied':
      return { kind: 'wait', reason: code, delayMs: 60_000 };
    case 'key-mismatch':
      return { kind: 'mismatch', message };
    case 'unreachable':
      return { kind: 'unknown', reason: code };
    case 'parameters':
      // Refused before the key was looked at: an earlier send of it may have gone through.
      return { kind: 'unknown', reason: code };
    case 'declined':
    case 'refused':
      return { kind: 'refused', providerCode: code, message };
  }
}

function toTransfer(answer: z.output<typeof transferSchema>): Transfer {
  return {
    id: answer.id,
    amountMinor: answer.amount,
    currency: answer.currency,
    destination: answer.destination,
    balanceTransactionId: answer.balance_transaction,
    createdMs: answer.created,
  };
}

function cursor(after: string | undefined) {
  return after === undefined ? {} : { starting_after: after };
}
