import { expect, test } from 'vitest';
import { dateAfter, FIRST_DATE, keepServer, openHouse } from '../helpers/house.ts';
import { tryAll } from '../helpers/state-table.ts';

keepServer();

/** state | event | answer, or the code of the refusal | state then | journals */
const TABLE = `
waiting for approval | a worker claims it | settled waiting_approval | waiting_approval |
waiting for approval | it stands issued | TOKEN_STALE | waiting_approval |
waiting for approval | its draft is renewed | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says open | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says open, with 90.00 paid | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says paid, with 120.00 paid | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says paid, with 90.00 and 30.00 paid | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says paid, with 90.00 paid | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says paid, with 80.00 paid | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says open, with 130.00 paid | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says uncollectible | TOKEN_STALE | waiting_approval |
waiting for approval | Stripe says void | TOKEN_STALE | waiting_approval |
waiting for approval | its credit note stands | INVOICE_UNKNOWN | waiting_approval |
waiting for approval | its credit note is refused | INVOICE_UNKNOWN | waiting_approval |
waiting for approval | a person approves it | true planned | planned |
waiting for approval | Stripe hints at it | false | waiting_approval |
waiting for approval | the next close plans | taken | waiting_approval |
planned | a worker claims it | claimed | planned |
planned | it stands issued | taken | open | invoice 12000
planned | its draft is renewed | taken | planned |
planned | Stripe says open | INVOICE_MISMATCH | planned |
planned | Stripe says open, with 90.00 paid | INVOICE_MISMATCH | planned |
planned | Stripe says paid, with 120.00 paid | INVOICE_MISMATCH | planned |
planned | Stripe says paid, with 90.00 and 30.00 paid | INVOICE_MISMATCH | planned |
planned | Stripe says paid, with 90.00 paid | INVOICE_MISMATCH | planned |
planned | Stripe says paid, with 80.00 paid | INVOICE_MISMATCH | planned |
planned | Stripe says open, with 130.00 paid | INVOICE_MISMATCH | planned |
planned | Stripe says uncollectible | INVOICE_MISMATCH | planned |
planned | Stripe says void | INVOICE_MISMATCH | planned |
planned | its credit note stands | INVOICE_UNKNOWN | planned |
planned | its credit note is refused | INVOICE_UNKNOWN | planned |
planned | a person approves it | false planned | planned |
planned | Stripe hints at it | true | planned, to be billed |
planned | the next close plans | taken | planned, to be billed |
open | a worker claims it | claimed | open |
open | it stands issued | taken | open |
open | its draft is renewed | taken | open |
open | Stripe says open | taken | open |
open | Stripe says open, with 90.00 paid | taken | open | charge 9000
open | Stripe says paid, with 120.00 paid | taken | paid | charge 12000
open | Stripe says paid, with 90.00 and 30.00 paid | taken | paid | charge 9000, charge 3000
open | Stripe says paid, with 90.00 paid | INVOICE_MISMATCH | open |
open | Stripe says paid, with 80.00 paid | INVOICE_MISMATCH | open |
open | Stripe says open, with 130.00 paid | INVOICE_MISMATCH | open |
open | Stripe says uncollectible | taken | uncollectible | write_off 12000
open | Stripe says void | taken | void | write_off 12000
open | its credit note stands | INVOICE_UNKNOWN | open |
open | its credit note is refused | INVOICE_UNKNOWN | open |
open | a person approves it | false open | open |
open | Stripe hints at it | true | open, to be billed |
open | the next close plans | taken | open, to be billed |
open, a part paid | a worker claims it | claimed | open |
open, a part paid | it stands issued | taken | open |
open, a part paid | its draft is renewed | taken | open |
open, a part paid | Stripe says open | taken | open |
open, a part paid | Stripe says open, with 90.00 paid | taken | open |
open, a part paid | Stripe says paid, with 120.00 paid | INVOICE_MISMATCH | open |
open, a part paid | Stripe says paid, with 90.00 and 30.00 paid | taken | paid | charge 3000
open, a part paid | Stripe says paid, with 90.00 paid | INVOICE_MISMATCH | open |
open, a part paid | Stripe says paid, with 80.00 paid | INVOICE_MISMATCH | open |
open, a part paid | Stripe says open, with 130.00 paid | INVOICE_MISMATCH | open |
open, a part paid | Stripe says uncollectible | taken | uncollectible | write_off 3000
open, a part paid | Stripe says void | taken | void | write_off 3000
open, a part paid | its credit note stands | INVOICE_UNKNOWN | open |
open, a part paid | its credit note is refused | INVOICE_UNKNOWN | open |
open, a part paid | a person approves it | false open | open |
open, a part paid | Stripe hints at it | true | open, to be billed |
open, a part paid | the next close plans | taken | open, to be billed |
open, a note planned | a worker claims it | claimed | open, a note planned |
open, a note planned | it stands issued | taken | open, a note planned |
open, a note planned | its draft is renewed | taken | open, a note planned |
open, a note planned | Stripe says open | taken | open, a note planned |
open, a note planned | Stripe says open, with 90.00 paid | taken | open, a note planned | charge 9000
open, a note planned | Stripe says paid, with 120.00 paid | taken | paid, a note failed | charge 12000
open, a note planned | Stripe says paid, with 90.00 and 30.00 paid | taken | paid, a note failed | charge 9000, charge 3000
open, a note planned | Stripe says paid, with 90.00 paid | INVOICE_MISMATCH | open, a note planned |
open, a note planned | Stripe says paid, with 80.00 paid | INVOICE_MISMATCH | open, a note planned |
open, a note planned | Stripe says open, with 130.00 paid | INVOICE_MISMATCH | open, a note planned |
open, a note planned | Stripe says uncollectible | taken | uncollectible, a note failed | write_off 12000
open, a note planned | Stripe says void | taken | void, a note failed | write_off 12000
open, a note planned | its credit note stands | taken | open, a note issued | adjustment 4000
open, a note planned | its credit note is refused | taken | open, a note failed |
open, a note planned | a person approves it | false open | open, a note planned |
open, a note planned | Stripe hints at it | true | open, a note planned, to be billed |
open, a note planned | the next close plans | taken | open, a note planned, to be billed |
open, a note issued | a worker claims it | claimed | open, a note issued |
open, a note issued | it stands issued | taken | open, a note issued |
open, a note issued | its draft is renewed | taken | open, a note issued |
open, a note issued | Stripe says open | taken | open, a note issued |
open, a note issued | Stripe says open, with 90.00 paid | INVOICE_MISMATCH | open, a note issued |
open, a note issued | Stripe says paid, with 120.00 paid | INVOICE_MISMATCH | open, a note issued |
open, a note issued | Stripe says paid, with 90.00 and 30.00 paid | INVOICE_MISMATCH | open, a note issued |
open, a note issued | Stripe says paid, with 90.00 paid | INVOICE_MISMATCH | open, a note issued |
open, a note issued | Stripe says paid, with 80.00 paid | taken | paid, a note issued | charge 8000
open, a note issued | Stripe says open, with 130.00 paid | INVOICE_MISMATCH | open, a note issued |
open, a note issued | Stripe says uncollectible | taken | uncollectible, a note issued | write_off 8000
open, a note issued | Stripe says void | taken | void, a note issued | write_off 8000
open, a note issued | its credit note stands | taken | open, a note issued |
open, a note issued | its credit note is refused | taken | open, a note issued |
open, a note issued | a person approves it | false open | open, a note issued |
open, a note issued | Stripe hints at it | true | open, a note issued, to be billed |
open, a note issued | the next close plans | taken | open, a note issued, to be billed |
paid | a worker claims it | settled paid | paid |
paid | it stands issued | taken | paid |
paid | its draft is renewed | taken | paid |
paid | Stripe says open | INVOICE_MISMATCH | paid |
paid | Stripe says open, with 90.00 paid | INVOICE_MISMATCH | paid |
paid | Stripe says paid, with 120.00 paid | taken | paid |
paid | Stripe says paid, with 90.00 and 30.00 paid | taken | paid |
paid | Stripe says paid, with 90.00 paid | taken | paid |
paid | Stripe says paid, with 80.00 paid | taken | paid |
paid | Stripe says open, with 130.00 paid | INVOICE_MISMATCH | paid |
paid | Stripe says uncollectible | INVOICE_MISMATCH | paid |
paid | Stripe says void | INVOICE_MISMATCH | paid |
paid | its credit note stands | INVOICE_UNKNOWN | paid |
paid | its credit note is refused | INVOICE_UNKNOWN | paid |
paid | a person approves it | false paid | paid |
paid | Stripe hints at it | false | paid |
paid | the next close plans | taken | paid |
uncollectible | a worker claims it | claimed | uncollectible |
uncollectible | it stands issued | taken | uncollectible |
uncollectible | its draft is renewed | taken | uncollectible |
uncollectible | Stripe says open | INVOICE_MISMATCH | uncollectible |
uncollectible | Stripe says open, with 90.00 paid | INVOICE_MISMATCH | uncollectible |
uncollectible | Stripe says paid, with 120.00 paid | taken | paid | write_off_reversed 12000, charge 12000
uncollectible | Stripe says paid, with 90.00 and 30.00 paid | taken | paid | write_off_reversed 12000, charge 9000, charge 3000
uncollectible | Stripe says paid, with 90.00 paid | INVOICE_MISMATCH | uncollectible |
uncollectible | Stripe says paid, with 80.00 paid | INVOICE_MISMATCH | uncollectible |
uncollectible | Stripe says open, with 130.00 paid | INVOICE_MISMATCH | uncollectible |
uncollectible | Stripe says uncollectible | taken | uncollectible |
uncollectible | Stripe says void | taken | void |
uncollectible | its credit note stands | INVOICE_UNKNOWN | uncollectible |
uncollectible | its credit note is refused | INVOICE_UNKNOWN | uncollectible |
uncollectible | a person approves it | false uncollectible | uncollectible |
uncollectible | Stripe hints at it | true | uncollectible, to be billed |
uncollectible | the next close plans | taken | uncollectible |
void | a worker claims it | settled void | void |
void | it stands issued | taken | void |
void | its draft is renewed | taken | void |
void | Stripe says open | INVOICE_MISMATCH | void |
void | Stripe says open, with 90.00 paid | INVOICE_MISMATCH | void |
void | Stripe says paid, with 120.00 paid | INVOICE_MISMATCH | void |
void | Stripe says paid, with 90.00 and 30.00 paid | INVOICE_MISMATCH | void |
void | Stripe says paid, with 90.00 paid | INVOICE_MISMATCH | void |
void | Stripe says paid, with 80.00 paid | INVOICE_MISMATCH | void |
void | Stripe says open, with 130.00 paid | INVOICE_MISMATCH | void |
void | Stripe says uncollectible | INVOICE_MISMATCH | void |
void | Stripe says void | taken | void |
void | its credit note stands | INVOICE_UNKNOWN | void |
void | its credit note is refused | INVOICE_UNKNOWN | void |
void | a person approves it | false void | void |
void | Stripe hints at it | false | void |
void | the next close plans | taken | void |
`;

test('every event in every state of an invoice is taken or refused as the table says, with its journals', async () => {
  const house = await openHouse();
  try {
    const { number } = await house.road();
    for (const hour of [3, 2, 1]) {
      await house.call({ number, startedAtMs: house.clock.nowMs() - hour * 3_600_000 });
    }
    await house.begin(FIRST_DATE);
    await house.work({}, ['billing.bill-buyer']);
    const nowMs = house.clock.nowMs();
    const [invoice] = await house.sql<{ id: string }>('select id from invoices');
    const id = invoice?.id ?? '';

    const token = '(select coalesce(attempt_token, gen_random_uuid()) from invoices where id = $1)';
    const claim = `select concat_ws(' ', c ->> 'kind', c ->> 'reason') from claim_invoice($1, ${nowMs}) c`;
    const issue = `select record_invoice_issued($1, ${token}, 'in_1', 0, ${nowMs})`;
    const says = (status: string, ...gross: number[]) => {
      const charges = gross.map((grossMinor, index) => ({
        ...{ chargeId: `ch_${index}`, balanceTransactionId: `txn_${index}`, grossMinor, feeMinor: 0 },
        ...{ netMinor: grossMinor, currency: 'usd', availableOnMs: nowMs },
        ...{ paidMinor: grossMinor, paidCurrency: 'usd', exchangeRate: null },
      }));
      const state = JSON.stringify({ status, charges, problem: null });
      return `select record_invoice_state($1, ${token}, '${state}', ${nowMs})`;
    };
    const planNote = `with a as (insert into adjustments (call_id, earning_id, cause, reason, asked_by, asked_at, state)
        select call_id, id, 'operator', 'fraud', 'ops', app.at(${nowMs}), 'waiting' from earnings where invoice_id = $1
        order by started_at limit 1 returning *)
      insert into credit_notes (adjustment_id, earning_id, invoice_id, amount_minor, planned_at)
      select id, earning_id, $1, 4000, asked_at from a returning state`;
    const noted = (end: object) =>
      `select record_credit_note((select id from credit_notes where invoice_id = $1), ${token}, '${JSON.stringify(end)}', ${nowMs})`;
    const stands = noted({ stripeCreditNoteId: 'cn_1' });
    const worked = "update work set state = 'done' where job = 'billing.bill-buyer'";
    const lines = await tryAll(house, {
      id,
      read: `select state || coalesce((select ', a note ' || state from credit_notes where invoice_id = $1), '') || case when exists (select 1 from work where state = 'due' and job = 'billing.bill-buyer')
        then ', to be billed' else '' end from invoices where id = $1`,
      states: {
        'waiting for approval': [
          worked,
          "update invoices set state = 'waiting_approval', needs_approval = true where id = $1",
        ],
        planned: [worked, claim],
        open: [worked, claim, issue],
        'open, a part paid': [worked, claim, issue, says('open', 9_000)],
        'open, a note planned': [worked, claim, issue, planNote, claim],
        'open, a note issued': [worked, claim, issue, planNote, claim, stands],
        paid: [worked, claim, issue, says('paid', 12_000)],
        uncollectible: [worked, claim, issue, says('uncollectible')],
        void: [worked, claim, issue, says('void')],
      },
      events: {
        'a worker claims it': [claim],
        'it stands issued': [issue],
        'its draft is renewed': [`select renew_invoice($1, ${token}, null)`],
        'Stripe says open': [says('open')],
        'Stripe says open, with 90.00 paid': [says('open', 9_000)],
        'Stripe says paid, with 120.00 paid': [says('paid', 12_000)],
        'Stripe says paid, with 90.00 and 30.00 paid': [says('paid', 9_000, 3_000)],
        'Stripe says paid, with 90.00 paid': [says('paid', 9_000)],
        'Stripe says paid, with 80.00 paid': [says('paid', 8_000)],
        'Stripe says open, with 130.00 paid': [says('open', 13_000)],
        'Stripe says uncollectible': [says('uncollectible')],
        'Stripe says void': [says('void')],
        'its credit note stands': [stands],
        'its credit note is refused': [noted({ problem: 'invoice_paid' })],
        'a person approves it': [
          `select concat_ws(' ', a ->> 'approved', a ->> 'state') from approve_invoice($1, 'ops', 'seen', ${nowMs}) a`,
        ],
        'Stripe hints at it': [`select poke_invoice($1, 't', ${nowMs})`],
        'the next close plans': [
          `select app.plan_invoices('${dateAfter(1)}', app.at(${nowMs + 86_400_000}))`,
        ],
      },
    });
    expect(lines).toEqual(TABLE.trim().split('\n'));
  } finally {
    await house.end();
  }
});
