import type { Corruption } from './corruptions.ts';

/** The check that tells all of these. */
export const OWED = 'a call owes and earns what its terms say';

/** Of what was taken back nothing is owed, so that no error of its terms shows in it. */
const ratedBy = (condition: string) =>
  `select e.id::text as id from earnings e join campaign_terms t on t.id = e.terms_id
    where e.state <> 'clawed_back' and ${condition} order by e.id limit 1`;
const setTerms = (change: string) =>
  `update campaign_terms set ${change} where id = (select terms_id from earnings where id::text = :id)`;

/** One wrong number for each way in which terms set a price or a share. */
export const PRICE_CORRUPTIONS: readonly (Omit<Corruption, 'check'> & { readonly model: string })[] = [
  {
    model: 'a price per call',
    find: ratedBy(`t.price_minor is not null and t.currency = 'eur'`),
    spoil: setTerms('price_minor = price_minor + 1'),
  },
  {
    model: 'a price per second, by its increment',
    find: ratedBy('t.increment_s is not null'),
    spoil: setTerms('increment_s = increment_s + 1'),
  },
  {
    model: 'a price per second, by its minimum',
    find: ratedBy('t.increment_s is not null'),
    spoil: setTerms('minimum_s = 500'),
  },
  {
    model: 'a price of the revenue, by what the buyer reported',
    find: ratedBy('t.revenue_bps is not null'),
    spoil: `update call_revenues set amount_minor = amount_minor + 100 where call_id = (select call_id from earnings where id::text = :id)`,
  },
  {
    model: 'a share in basis points',
    find: ratedBy(`t.supplier_share_bps is not null and t.currency = 'eur'`),
    spoil: setTerms('supplier_share_bps = supplier_share_bps + 10'),
  },
  {
    model: 'a share in an amount',
    find: ratedBy('t.supplier_share_minor is not null'),
    spoil: setTerms('supplier_share_minor = supplier_share_minor + 1'),
  },
  {
    model: 'a share in tiers, by the place in the month',
    find: ratedBy('t.supplier_share_tiers is not null'),
    spoil: setTerms(`supplier_share_tiers = jsonb_set(supplier_share_tiers, '{1,fromCall}', '3')`),
  },
  {
    model: 'the price that is booked, although every journal and sum agrees with it',
    find: ratedBy(
      "t.price_minor is not null and t.increment_s is null and e.invoice_id is null and e.state = 'accrued'",
    ),
    spoil: `update earnings set price_minor = price_minor - 1 where id::text = :id;
      update journals set amounts = amounts || jsonb_build_object('price', (amounts ->> 'price')::bigint - 1, 'postpaid', (amounts ->> 'postpaid')::bigint - 1, 'margin', (amounts ->> 'margin')::bigint - 1)
        where template = 'call' and refs ->> 'callId' = (select call_id::text from earnings where id::text = :id);
      update postings p set amount_minor = p.amount_minor - sign(p.amount_minor) from journals j, ledger_accounts a, earnings e
        where e.id::text = :id and j.template = 'call' and j.refs ->> 'callId' = e.call_id::text and p.journal_id = j.id
          and a.id = p.account_id and a.kind in ('buyer_unbilled', 'exchange_margin');
      update ledger_accounts a set balance_minor = (select sum(amount_minor) from postings where account_id = a.id)
        where a.kind in ('buyer_unbilled', 'exchange_margin')`,
  },
];
