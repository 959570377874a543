import { captureEvent } from './analytics/capture-event.job.ts';
import { deliverEvent } from './analytics/deliver-event.job.ts';
import { rollUpDay } from './analytics/roll-up-day.job.ts';
import { rollUpRecent } from './analytics/roll-up-recent.job.ts';
import { billBuyer } from './billing/bill-buyer.job.ts';
import { rechargeWallet } from './billing/recharge-wallet.job.ts';
import { ingestCall } from './calls/ingest-call.job.ts';
import { pullOffers } from './campaigns/pull-offers.job.ts';
import { pushConversion } from './campaigns/push-conversion.job.ts';
import type { Job } from './define-job.ts';
import { adjustCall } from './fraud/adjust-call.job.ts';
import { expireHolds } from './fraud/expire-holds.job.ts';
import { orderCalls } from './fraud/order-calls.job.ts';
import { profileSuppliers } from './fraud/profile-suppliers.job.ts';
import { rescoreCalls } from './fraud/rescore-calls.job.ts';
import { scoreCalls } from './fraud/score-call.job.ts';
import { auditBooks } from './operations/audit-books.job.ts';
import { planRuns } from './operations/plan-runs.job.ts';
import { reportClose } from './operations/report-close.job.ts';
import { sweep } from './operations/sweep.job.ts';
import { paySupplier } from './payouts/pay-supplier.job.ts';
import { planPayouts } from './payouts/plan-payouts.job.ts';
import { reconcileCalls } from './reconciliation/reconcile-calls.job.ts';
import { reconcileDeposits } from './reconciliation/reconcile-deposits.job.ts';
import { reconcileMoney } from './reconciliation/reconcile-money.job.ts';
import { applyEvent } from './stripe/apply-event.job.ts';
import { readBankPayouts } from './stripe/read-bank-payouts.job.ts';
import { recoverEvents } from './stripe/recover-events.job.ts';

/** Every job there is. Workers, schedules, the board and the rules' tests are derived from this list. */
export const jobs: readonly Job[] = [
  ingestCall,
  scoreCalls,
  adjustCall,
  rescoreCalls,
  orderCalls,
  profileSuppliers,
  expireHolds,
  billBuyer,
  rechargeWallet,
  reconcileCalls,
  reconcileMoney,
  reconcileDeposits,
  planPayouts,
  paySupplier,
  rollUpDay,
  rollUpRecent,
  captureEvent,
  deliverEvent,
  planRuns,
  sweep,
  reportClose,
  auditBooks,
  applyEvent,
  readBankPayouts,
  recoverEvents,
  pullOffers,
  pushConversion,
];
