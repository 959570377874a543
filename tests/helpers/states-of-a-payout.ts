/** state | event | answer, or the code of the refusal | state then | journals */
export const PAYOUT_STATES = `
waiting for approval | a worker claims it | settled waiting_approval | waiting_approval, key 1, cleared |
waiting for approval | a worker claims it while payouts are stopped | settled waiting_approval | waiting_approval, key 1, cleared |
waiting for approval | a worker claims it while its supplier is held | settled waiting_approval | waiting_approval, key 1, cleared |
waiting for approval | a worker claims it, and its destination is another | settled waiting_approval | waiting_approval, key 1, cleared |
waiting for approval | a send is noted | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | a send is noted while payouts are stopped | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | a send is noted while its supplier is held | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | it was sent | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | it was sent with another amount | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | Stripe refused it | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | the balance is too small for it | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | the request did not run | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | its outcome is unknown | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | it is not in a listing at once | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | it is not in a listing eleven minutes later | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | a result that is none | TOKEN_STALE | waiting_approval, key 1, cleared |
waiting for approval | a person approves it | true | planned, key 1, cleared |
waiting for approval | the planner approves it | APPROVAL_REFUSED | waiting_approval, key 1, cleared |
waiting for approval | its supplier is held | held | waiting_approval, key 1, cleared |
waiting for approval | the money of its call is refunded | booked | withheld, key 1, written_off (free) | refund 4000, unclear 2800, write_off 4000
waiting for approval | its transfer is reversed | foreign | waiting_approval, key 1, cleared |
waiting for approval | the buyer disputes its call | opened | withheld, key 1, cleared (free) |
waiting for approval | its call is taken out of the books | posted | withheld, key 1, clawed_back (free) | adjustment 4000
waiting for approval | its date is planned again | planned 0 | waiting_approval, key 1, cleared |
waiting for approval | the next date is planned | planned 0 | waiting_approval, key 1, cleared |
planned | a worker claims it | claimed | sending, key 1, reserved | payout_reserve 2800
planned | a worker claims it while payouts are stopped | settled payouts_stopped | planned, key 1, cleared |
planned | a worker claims it while its supplier is held | settled withheld | withheld, key 1, cleared (free) |
planned | a worker claims it, and its destination is another | settled withheld | withheld, key 1, cleared (free) |
planned | a send is noted | TOKEN_STALE | planned, key 1, cleared |
planned | a send is noted while payouts are stopped | TOKEN_STALE | planned, key 1, cleared |
planned | a send is noted while its supplier is held | TOKEN_STALE | planned, key 1, cleared |
planned | it was sent | TOKEN_STALE | planned, key 1, cleared |
planned | it was sent with another amount | TOKEN_STALE | planned, key 1, cleared |
planned | Stripe refused it | TOKEN_STALE | planned, key 1, cleared |
planned | the balance is too small for it | TOKEN_STALE | planned, key 1, cleared |
planned | the request did not run | TOKEN_STALE | planned, key 1, cleared |
planned | its outcome is unknown | TOKEN_STALE | planned, key 1, cleared |
planned | it is not in a listing at once | TOKEN_STALE | planned, key 1, cleared |
planned | it is not in a listing eleven minutes later | TOKEN_STALE | planned, key 1, cleared |
planned | a result that is none | TOKEN_STALE | planned, key 1, cleared |
planned | a person approves it | false | planned, key 1, cleared |
planned | the planner approves it | false | planned, key 1, cleared |
planned | its supplier is held | held | planned, key 1, cleared |
planned | the money of its call is refunded | booked | withheld, key 1, written_off (free) | refund 4000, unclear 2800, write_off 4000
planned | its transfer is reversed | foreign | planned, key 1, cleared |
planned | the buyer disputes its call | opened | withheld, key 1, cleared (free) |
planned | its call is taken out of the books | posted | withheld, key 1, clawed_back (free) | adjustment 4000
planned | its date is planned again | planned 0 | planned, key 1, cleared |
planned | the next date is planned | planned 0 | planned, key 1, cleared |
sending | a worker claims it | claimed | sending, key 1, reserved |
sending | a worker claims it while payouts are stopped | claimed | sending, key 1, reserved |
sending | a worker claims it while its supplier is held | claimed | sending, key 1, reserved |
sending | a worker claims it, and its destination is another | claimed | sending, key 1, reserved |
sending | a send is noted | noted | sending, in doubt, key 1, reserved |
sending | a send is noted while payouts are stopped | settled payouts_stopped | withheld, key 1, cleared (free) | payout_release 2800
sending | a send is noted while its supplier is held | settled supplier_held | withheld, key 1, cleared (free) | payout_release 2800
sending | it was sent | taken | sent, key 1, paid | payout_send 2800
sending | it was sent with another amount | STRIPE_KEY_MISMATCH | sending, key 1, reserved |
sending | Stripe refused it | taken | refused, key 1, cleared (free) | payout_release 2800
sending | the balance is too small for it | taken | sending, key 2, reserved |
sending | the request did not run | taken | sending, key 1, reserved |
sending | its outcome is unknown | taken | unknown, key 1, reserved |
sending | it is not in a listing at once | taken | sending, key 2, reserved |
sending | it is not in a listing eleven minutes later | taken | sending, key 2, reserved |
sending | a result that is none | DATABASE_REFUSED | sending, key 1, reserved |
sending | a person approves it | false | sending, key 1, reserved |
sending | the planner approves it | false | sending, key 1, reserved |
sending | its supplier is held | held | sending, key 1, reserved |
sending | the money of its call is refunded | booked | sending, key 1, reserved | refund 4000, write_off 4000
sending | its transfer is reversed | foreign | sending, key 1, reserved |
sending | the buyer disputes its call | opened | sending, key 1, reserved |
sending | its call is taken out of the books | payout_in_flight | sending, key 1, reserved |
sending | its date is planned again | planned 0 | sending, key 1, reserved |
sending | the next date is planned | planned 0 | sending, key 1, reserved |
sending, in doubt | a worker claims it | claimed | sending, in doubt, key 1, reserved |
sending, in doubt | a worker claims it while payouts are stopped | claimed | sending, in doubt, key 1, reserved |
sending, in doubt | a worker claims it while its supplier is held | claimed | sending, in doubt, key 1, reserved |
sending, in doubt | a worker claims it, and its destination is another | claimed | sending, in doubt, key 1, reserved |
sending, in doubt | a send is noted | noted | sending, in doubt, key 1, reserved |
sending, in doubt | a send is noted while payouts are stopped | stopped payouts_stopped | sending, in doubt, key 1, reserved |
sending, in doubt | a send is noted while its supplier is held | stopped supplier_held | sending, in doubt, key 1, reserved |
sending, in doubt | it was sent | taken | sent, key 1, paid | payout_send 2800
sending, in doubt | it was sent with another amount | STRIPE_KEY_MISMATCH | sending, in doubt, key 1, reserved |
sending, in doubt | Stripe refused it | taken | refused, key 1, cleared (free) | payout_release 2800
sending, in doubt | the balance is too small for it | taken | sending, key 2, reserved |
sending, in doubt | the request did not run | taken | sending, key 1, reserved |
sending, in doubt | its outcome is unknown | taken | unknown, in doubt, key 1, reserved |
sending, in doubt | it is not in a listing at once | STRIPE_OUTCOME_UNKNOWN | sending, in doubt, key 1, reserved |
sending, in doubt | it is not in a listing eleven minutes later | taken | sending, key 2, reserved |
sending, in doubt | a result that is none | DATABASE_REFUSED | sending, in doubt, key 1, reserved |
sending, in doubt | a person approves it | false | sending, in doubt, key 1, reserved |
sending, in doubt | the planner approves it | false | sending, in doubt, key 1, reserved |
sending, in doubt | its supplier is held | held | sending, in doubt, key 1, reserved |
sending, in doubt | the money of its call is refunded | booked | sending, in doubt, key 1, reserved | refund 4000, write_off 4000
sending, in doubt | its transfer is reversed | foreign | sending, in doubt, key 1, reserved |
sending, in doubt | the buyer disputes its call | opened | sending, in doubt, key 1, reserved |
sending, in doubt | its call is taken out of the books | payout_in_flight | sending, in doubt, key 1, reserved |
sending, in doubt | its date is planned again | planned 0 | sending, in doubt, key 1, reserved |
sending, in doubt | the next date is planned | planned 0 | sending, in doubt, key 1, reserved |
unknown | a worker claims it | claimed | unknown, in doubt, key 1, reserved |
unknown | a worker claims it while payouts are stopped | claimed | unknown, in doubt, key 1, reserved |
unknown | a worker claims it while its supplier is held | claimed | unknown, in doubt, key 1, reserved |
unknown | a worker claims it, and its destination is another | claimed | unknown, in doubt, key 1, reserved |
unknown | a send is noted | noted | sending, in doubt, key 1, reserved |
unknown | a send is noted while payouts are stopped | stopped payouts_stopped | unknown, in doubt, key 1, reserved |
unknown | a send is noted while its supplier is held | stopped supplier_held | unknown, in doubt, key 1, reserved |
unknown | it was sent | taken | sent, key 1, paid | payout_send 2800
unknown | it was sent with another amount | STRIPE_KEY_MISMATCH | unknown, in doubt, key 1, reserved |
unknown | Stripe refused it | taken | refused, key 1, cleared (free) | payout_release 2800
unknown | the balance is too small for it | STRIPE_OUTCOME_UNKNOWN | unknown, in doubt, key 1, reserved |
unknown | the request did not run | taken | unknown, key 1, reserved |
unknown | its outcome is unknown | taken | unknown, in doubt, key 1, reserved |
unknown | it is not in a listing at once | STRIPE_OUTCOME_UNKNOWN | unknown, in doubt, key 1, reserved |
unknown | it is not in a listing eleven minutes later | taken | sending, key 2, reserved |
unknown | a result that is none | DATABASE_REFUSED | unknown, in doubt, key 1, reserved |
unknown | a person approves it | false | unknown, in doubt, key 1, reserved |
unknown | the planner approves it | false | unknown, in doubt, key 1, reserved |
unknown | its supplier is held | held | unknown, in doubt, key 1, reserved |
unknown | the money of its call is refunded | booked | unknown, in doubt, key 1, reserved | refund 4000, write_off 4000
unknown | its transfer is reversed | foreign | unknown, in doubt, key 1, reserved |
unknown | the buyer disputes its call | opened | unknown, in doubt, key 1, reserved |
unknown | its call is taken out of the books | payout_in_flight | unknown, in doubt, key 1, reserved |
unknown | its date is planned again | planned 0 | unknown, in doubt, key 1, reserved |
unknown | the next date is planned | planned 0 | unknown, in doubt, key 1, reserved |
sent | a worker claims it | settled sent | sent, key 1, paid |
sent | a worker claims it while payouts are stopped | settled sent | sent, key 1, paid |
sent | a worker claims it while its supplier is held | settled sent | sent, key 1, paid |
sent | a worker claims it, and its destination is another | settled sent | sent, key 1, paid |
sent | a send is noted | settled sent | sent, key 1, paid |
sent | a send is noted while payouts are stopped | settled sent | sent, key 1, paid |
sent | a send is noted while its supplier is held | settled sent | sent, key 1, paid |
sent | it was sent | taken | sent, key 1, paid |
sent | it was sent with another amount | taken | sent, key 1, paid |
sent | Stripe refused it | taken | sent, key 1, paid |
sent | the balance is too small for it | taken | sent, key 1, paid |
sent | the request did not run | taken | sent, key 1, paid |
sent | its outcome is unknown | taken | sent, key 1, paid |
sent | it is not in a listing at once | taken | sent, key 1, paid |
sent | it is not in a listing eleven minutes later | taken | sent, key 1, paid |
sent | a result that is none | taken | sent, key 1, paid |
sent | a person approves it | false | sent, key 1, paid |
sent | the planner approves it | false | sent, key 1, paid |
sent | its supplier is held | held | sent, key 1, paid |
sent | the money of its call is refunded | booked | sent, key 1, paid | refund 4000, write_off 4000
sent | its transfer is reversed | booked | sent, key 1, paid | transfer_reversal 2800
sent | the buyer disputes its call | opened | sent, key 1, paid |
sent | its call is taken out of the books | posted | sent, key 1, clawed_back | adjustment 4000
sent | its date is planned again | planned 0 | sent, key 1, paid |
sent | the next date is planned | planned 0 | sent, key 1, paid |
refused | a worker claims it | settled refused | refused, key 1, cleared (free) |
refused | a worker claims it while payouts are stopped | settled refused | refused, key 1, cleared (free) |
refused | a worker claims it while its supplier is held | settled refused | refused, key 1, cleared (free) |
refused | a worker claims it, and its destination is another | settled refused | refused, key 1, cleared (free) |
refused | a send is noted | TOKEN_STALE | refused, key 1, cleared (free) |
refused | a send is noted while payouts are stopped | TOKEN_STALE | refused, key 1, cleared (free) |
refused | a send is noted while its supplier is held | TOKEN_STALE | refused, key 1, cleared (free) |
refused | it was sent | TOKEN_STALE | refused, key 1, cleared (free) |
refused | it was sent with another amount | TOKEN_STALE | refused, key 1, cleared (free) |
refused | Stripe refused it | TOKEN_STALE | refused, key 1, cleared (free) |
refused | the balance is too small for it | TOKEN_STALE | refused, key 1, cleared (free) |
refused | the request did not run | TOKEN_STALE | refused, key 1, cleared (free) |
refused | its outcome is unknown | TOKEN_STALE | refused, key 1, cleared (free) |
refused | it is not in a listing at once | TOKEN_STALE | refused, key 1, cleared (free) |
refused | it is not in a listing eleven minutes later | TOKEN_STALE | refused, key 1, cleared (free) |
refused | a result that is none | TOKEN_STALE | refused, key 1, cleared (free) |
refused | a person approves it | false | refused, key 1, cleared (free) |
refused | the planner approves it | false | refused, key 1, cleared (free) |
refused | its supplier is held | held | refused, key 1, cleared (free) |
refused | the money of its call is refunded | booked | refused, key 1, written_off (free) | refund 4000, unclear 2800, write_off 4000
refused | its transfer is reversed | foreign | refused, key 1, cleared (free) |
refused | the buyer disputes its call | opened | refused, key 1, cleared (free) |
refused | its call is taken out of the books | posted | refused, key 1, clawed_back (free) | adjustment 4000
refused | its date is planned again | planned 0 | refused, key 1, cleared (free) |
refused | the next date is planned | planned 1 | refused, key 1, cleared, and another planned |
withheld | a worker claims it | settled withheld | withheld, key 1, cleared (free) |
withheld | a worker claims it while payouts are stopped | settled withheld | withheld, key 1, cleared (free) |
withheld | a worker claims it while its supplier is held | settled withheld | withheld, key 1, cleared (free) |
withheld | a worker claims it, and its destination is another | settled withheld | withheld, key 1, cleared (free) |
withheld | a send is noted | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | a send is noted while payouts are stopped | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | a send is noted while its supplier is held | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | it was sent | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | it was sent with another amount | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | Stripe refused it | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | the balance is too small for it | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | the request did not run | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | its outcome is unknown | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | it is not in a listing at once | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | it is not in a listing eleven minutes later | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | a result that is none | TOKEN_STALE | withheld, key 1, cleared (free) |
withheld | a person approves it | false | withheld, key 1, cleared (free) |
withheld | the planner approves it | false | withheld, key 1, cleared (free) |
withheld | its supplier is held | held | withheld, key 1, cleared (free) |
withheld | the money of its call is refunded | booked | withheld, key 1, written_off (free) | refund 4000, unclear 2800, write_off 4000
withheld | its transfer is reversed | foreign | withheld, key 1, cleared (free) |
withheld | the buyer disputes its call | opened | withheld, key 1, cleared (free) |
withheld | its call is taken out of the books | posted | withheld, key 1, clawed_back (free) | adjustment 4000
withheld | its date is planned again | planned 0 | withheld, key 1, cleared (free) |
withheld | the next date is planned | planned 1 | withheld, key 1, cleared, and another planned |
`;
