import { z } from 'zod';
import { createDatabase } from '../integrations/supabase/client.ts';
import type { Rpc } from '../integrations/supabase/rpc.ts';
import type { Platform } from '../services.ts';
import { type AuditCheck, auditCheck, compareWithStripe } from './compare.ts';
import { findInFlight, ledgerSideSchema } from './ledger-side.ts';
import { createStripeReader, type StripeReader } from './stripe-reader.ts';

export interface AuditResult {
  readonly ok: boolean;
  /** One line for each promise that does not hold. */
  readonly failures: readonly string[];
  readonly checks: readonly AuditCheck[];
}

/** A call as its sender knows it. */
export interface SentCall {
  readonly source: string;
  readonly externalId: string;
}

const checkSchema = z.object({
  check: z.string(),
  invariant: z.string().nullable(),
  ok: z.boolean(),
  count: z.int(),
  offenders: z.array(z.string()),
});
/** An area that answers without a single check was not read: silence is not green. */
const checksSchema = z.array(checkSchema).min(1);
const unstoredSchema = z.array(z.object({ source: z.string(), externalId: z.string(), stored: z.int() }));

const CHUNK = 500;
/** One request each, because the API limits how long a statement may take. */
const AREAS = ['ledger', 'calls', 'billing', 'payouts', 'closes', 'database'];

/**
 * Reads the books and Stripe a second time and says which promises hold. It shares no code with the jobs, calls none of
 * their functions and changes nothing, so it may run at any time, also beside workers.
 */
export function createAudit({ rpc, stripe }: { readonly rpc: Rpc; readonly stripe: StripeReader }) {
  const readLedger = () => rpc('audit_money', {}, ledgerSideSchema);

  async function readBooks(nowMs: number): Promise<AuditCheck[]> {
    const checks: AuditCheck[] = [];
    for (const area of AREAS) {
      checks.push(...(await rpc('audit_books', { p_now_ms: nowMs, p_area: area }, checksSchema)));
    }
    return checks;
  }

  async function compare(): Promise<AuditCheck[]> {
    // Before and after, so that what moves while Stripe is read is known.
    const before = await readLedger();
    const books = await stripe.read();
    const ledger = await readLedger();
    return compareWithStripe({ stripe: books, ledger, inFlight: findInFlight(before, ledger) });
  }

  async function findUnstored(sent: readonly SentCall[]): Promise<AuditCheck> {
    const offenders: string[] = [];
    for (let from = 0; from < sent.length; from += CHUNK) {
      const calls = sent.slice(from, from + CHUNK).map(({ source, externalId }) => ({ source, externalId }));
      const unstored = await rpc('audit_sent', { p_calls: calls }, unstoredSchema);
      offenders.push(...unstored.map(({ source, externalId }) => `${source}/${externalId}`));
    }
    return auditCheck('every call that was sent is stored once', 'INV-19', offenders);
  }

  return {
    /** `sent`: the calls that a traffic generator got an acceptance for; each must be stored once. */
    async run({ nowMs, sent }: { nowMs: number; sent?: readonly SentCall[] }): Promise<AuditResult> {
      const checks = [
        ...(await readBooks(nowMs)),
        ...(await compare()),
        ...(sent === undefined ? [] : [await findUnstored(sent)]),
      ];
      const failures = checks.filter(({ ok }) => !ok).map(tell);
      return { ok: failures.length === 0, failures, checks };
    },
  };
}

/** The audit with clients of its own. */
export function openAudit({
  database,
  stripe: { apiBase, secretKey },
}: Pick<Platform, 'database' | 'stripe'>) {
  return createAudit({
    rpc: createDatabase(database).rpc,
    stripe: createStripeReader({ apiBase: apiBase ?? 'https://api.stripe.com', secretKey }),
  });
}

function tell({ check, invariant, count, offenders }: AuditCheck): string {
  const number = invariant === null ? '' : ` (${invariant})`;
  return `${check}${number}: ${count} not so: ${offenders.join(', ')}${count > offenders.length ? ', …' : ''}`;
}
