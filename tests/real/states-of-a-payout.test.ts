import { expect, test } from 'vitest';
import { dateAfter, keepServer, openHouse } from '../helpers/house.ts';
import { readyPayout } from '../helpers/payouts.ts';
import { tryAll } from '../helpers/state-table.ts';
import { PAYOUT_STATES } from '../helpers/states-of-a-payout.ts';

keepServer();

test('every event in every state of a payout is taken or refused as the table says, with its journals', async () => {
  const house = await openHouse();
  try {
    const { id, supplierId, account } = await readyPayout(house);
    const nowMs = house.clock.nowMs();
    const laterMs = nowMs + 11 * 60_000;
    const date = dateAfter(2);

    const token = '(select coalesce(attempt_token, gen_random_uuid()) from payouts where id = $1)';
    const told = (call: string) =>
      `select concat_ws(' ', a ->> 'kind', a ->> 'reason', a ->> 'approved', a ->> 'status') from ${call} a`;
    const claim = told(`claim_payout($1, ${nowMs})`);
    const note = told(`note_payout_send($1, ${token}, ${nowMs})`);
    const settle = (result: object, atMs = nowMs) =>
      `select settle_payout($1, ${token}, '${JSON.stringify(result)}', ${atMs})`;
    const transfer = {
      transferId: 'tr_1',
      balanceTransactionId: 'txn_1',
      currency: 'usd',
      destination: account,
    };
    const sent = settle({ kind: 'sent', ...transfer, amountMinor: 2_800 });
    const refused = settle({ kind: 'refused', reason: 'account_invalid' });
    const unknown = settle({ kind: 'unknown', reason: 'no answer' });
    const stop = `select stop_payouts(true, 'ops', 'a drill', ${nowMs})`;
    const hold = (held: boolean) =>
      told(`hold_supplier('${supplierId}', ${held}, 'ops', 'a look', ${nowMs})`);
    const approve = (by: string) => told(`approve_payout($1, '${by}', 'seen', ${nowMs})`);
    const moved = `insert into stripe_movements values ('txn_re', 're_1', 'refund', -4000, 0, -4000, 'usd', app.at(${nowMs}),
      app.at(${nowMs}), app.at(${nowMs}))`;
    const fact = `jsonb_build_object('id', 're_1', 'kind', 'refund', 'status', 'succeeded', 'amountMinor', 4000, 'currency', 'usd',
      'chargeId', (select charge_id from charges))`;
    const lines = await tryAll(house, {
      id,
      read: `select concat_ws(', ', p.state, case when p.in_doubt then 'in doubt' end, 'key ' || p.generation,
        (select e.state || case when e.payout_id is null then ' (free)' else '' end from earnings e),
        (select 'and another ' || o.state from payouts o where o.id <> p.id)) from payouts p where p.id = $1`,
      states: {
        'waiting for approval': ["update payouts set state = 'waiting_approval' where id = $1"],
        planned: [],
        sending: [claim],
        'sending, in doubt': [claim, note],
        unknown: [claim, note, unknown],
        sent: [claim, note, sent],
        refused: [claim, note, refused],
        withheld: [hold(true), claim, hold(false)],
      },
      events: {
        'a worker claims it': [claim],
        'a worker claims it while payouts are stopped': [stop, claim],
        'a worker claims it while its supplier is held': [hold(true), claim],
        'a worker claims it, and its destination is another': [
          `update suppliers set stripe_account_id = 'acct_other' where id = '${supplierId}'`,
          claim,
        ],
        'a send is noted': [note],
        'a send is noted while payouts are stopped': [stop, note],
        'a send is noted while its supplier is held': [hold(true), note],
        'it was sent': [sent],
        'it was sent with another amount': [settle({ kind: 'sent', ...transfer, amountMinor: 2_799 })],
        'Stripe refused it': [refused],
        'the balance is too small for it': [settle({ kind: 'no_funds' })],
        'the request did not run': [
          settle({ kind: 'not_executed', reason: 'rate_limit', wasInDoubt: false }),
        ],
        'its outcome is unknown': [unknown],
        'it is not in a listing at once': [settle({ kind: 'absent' })],
        'it is not in a listing eleven minutes later': [settle({ kind: 'absent' }, laterMs)],
        'a result that is none': [settle({ kind: 'perhaps' })],
        'a person approves it': [approve('ops')],
        'the planner approves it': [approve('schedule')],
        'its supplier is held': [hold(true)],
        'the money of its call is refunded': [
          moved,
          `select record_withdrawal(${fact}, '${date}', ${nowMs}) #>> '{}'`,
        ],
        'its transfer is reversed': [
          `insert into stripe_movements values ('txn_trr', 'trr_1', 'transfer_reversal', 2800, 0, 2800, 'usd', app.at(${nowMs}),
            app.at(${nowMs}), app.at(${nowMs}))`,
          `select record_reversal('{"id": "trr_1", "movementId": "txn_trr", "transferId": "tr_1"}', '${date}', ${nowMs}) #>> '{}'`,
        ],
        'the buyer disputes its call': [
          `select dispute_calls((select jsonb_agg(id) from calls), 'the buyer', 'a wrong number', ${nowMs}) -> 0 ->> 'result'`,
        ],
        'its call is taken out of the books': [
          `select ask_adjustment(id, 'ops', 'fraud', ${nowMs}) from calls`,
          `select adjust_call(id, jsonb_build_object('factsKey', app.facts_key(c), 'decision', 'qualify'), ${nowMs}) #>> '{}' from calls c`,
        ],
        'its date is planned again': [
          `select concat_ws(' ', 'planned', a ->> 'planned') from plan_payouts('${date}', ${nowMs}) a`,
        ],
        'the next date is planned': [
          `insert into reconciliation_runs select '${dateAfter(3)}', currency, state, as_of, stripe_available_minor, stripe_pending_minor,
            ledger_available_minor, ledger_pending_minor, difference_minor, matched, app.at(${nowMs}), listed_at
           from reconciliation_runs where business_date = '${date}'`,
          `select concat_ws(' ', 'planned', a ->> 'planned') from plan_payouts('${dateAfter(3)}', ${nowMs}) a`,
        ],
      },
    });
    expect(lines).toEqual(PAYOUT_STATES.trim().split('\n'));
  } finally {
    await house.end();
  }
});
