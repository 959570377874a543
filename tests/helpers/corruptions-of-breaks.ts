import type { Corruption } from './corruptions.ts';

const RESOLVED = 'select id::text as id from break_resolutions order by id limit 1';

export const BREAK_CORRUPTIONS: readonly Corruption[] = [
  {
    check: 'a break that a person resolved is booked once, as it moved at Stripe, until the books know it',
    find: RESOLVED,
    spoil: `update journals set refs = refs || '{"balanceTransactionId": "txn_1"}' where refs ->> 'resolutionId' = :id`,
  },
  {
    check: 'who resolves a break is in the log, and above the limit another person approved it',
    find: RESOLVED,
    spoil: 'update approvals set content_hash = :id where subject_id::text = :id',
  },
];
