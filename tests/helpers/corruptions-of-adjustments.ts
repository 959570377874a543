import type { Corruption } from './corruptions.ts';
import { LOSSES } from './corruptions-of-losses.ts';

const CREDITED = 'a buyer has credit for what it paid for and was taken back, once';
const set = (table: string, change: string) => `update ${table} set ${change} where id::text = :id`;

export const ADJUSTMENT_CORRUPTIONS: readonly Corruption[] = [
  {
    check: 'an earning that ended is booked back once, for both sides, by its adjustment',
    // One that took its call off an open invoice breaks its credit note too.
    find: `select earning_id::text as id from adjustments a where state = 'posted' and not exists
      (select 1 from credit_notes n where n.earning_id = a.earning_id) limit 1`,
    spoil: `update adjustments set state = 'dropped' where earning_id::text = :id`,
  },
  {
    check: CREDITED,
    find: `select earning_id::text as id from credits where invoice_id is not null order by earning_id limit 1`,
    spoil: `update credits set amount_minor = amount_minor + 1 where earning_id::text = :id`,
    also: [
      'an earning stands where its invoice stands',
      'an invoice is the sum of its lines and of its calls, less its credits',
      'the calls of a buyer are invoiced or unbilled to the last unit',
      ...LOSSES,
    ],
  },
  {
    check: 'a credit note takes one call off an open invoice, and stands when that is posted',
    find: `select id::text as id from credit_notes where state = 'planned'`,
    spoil: set('credit_notes', 'amount_minor = amount_minor + 1'),
  },
  {
    check: 'an earning is frozen while its call is disputed or being adjusted, and no longer',
    find: `select e.id::text as id from earnings e join call_disputes d on d.call_id = e.call_id and d.state = 'open'`,
    spoil: set('earnings', 'frozen = false'),
  },
  {
    check: 'no adjustment above the limit is posted without the approval of another person',
    find: `select subject_id::text as id from approvals where subject_kind = 'adjustment'`,
    spoil: `update settings set approval_limit_minor = 1400; update approvals set approved_by = 'ops' where subject_id::text = :id`,
    also: ['no payout above the limit goes without the approval of its body'],
  },
  {
    check: 'a dispute that was approved took its call out of the books, or its adjustment waits',
    find: `select call_id::text as id from call_disputes where state = 'denied'`,
    spoil: `update call_disputes set state = 'approved' where call_id::text = :id`,
  },
  {
    check: 'every adjustment has its row of work',
    find: `select id::text as id from adjustments where state = 'waiting'`,
    spoil: `delete from work where job = 'fraud.adjust-call' and key = (select call_id::text from adjustments where id::text = :id)`,
  },
];
