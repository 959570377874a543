import { dateAfter, FIRST_DATE, type House } from './house.ts';
import { makeMany } from './seeding.ts';

const PAY = 'payouts.pay-supplier';

export interface ReadyPayout {
  readonly id: string;
  readonly supplierId: string;
  readonly account: string;
  readonly road: Awaited<ReturnType<House['road']>>;
}

/** Payouts of 28.00 each, planned at 09:00 of the third day and not sent yet; their close waits for them. */
export async function readyPayouts(house: House, count = 1): Promise<ReadyPayout[]> {
  const roads = await makeMany(count, () => house.road());
  for (const { number } of roads) await house.call({ number });
  await house.close(FIRST_DATE);
  await house.close(dateAfter(1));
  await house.begin(dateAfter(2));
  await house.work({}, [PAY]);
  const rows = await house.sql<{ id: string; supplierId: string }>(
    'select id, supplier_id as "supplierId" from payouts order by id',
  );
  return rows.map(({ id, supplierId }) => {
    const road = roads.find(({ supplier }) => supplier.id === supplierId);
    if (road === undefined) throw new Error('a payout of nobody');
    return { id, supplierId, account: road.supplier.account ?? '', road };
  });
}

export async function readyPayout(house: House): Promise<ReadyPayout> {
  const [payout] = await readyPayouts(house);
  if (payout === undefined) throw new Error('no payout was planned');
  return payout;
}

export interface PayoutRow extends Record<string, unknown> {
  readonly state: string;
  readonly generation: number;
  readonly sends: number;
  readonly in_doubt: boolean;
  readonly problem: string | null;
  readonly work: string;
}

/** How a payout stands, and its row of work. */
export async function payoutRow({ sql }: House, id: string): Promise<PayoutRow> {
  const [row] = await sql<PayoutRow>(
    `select p.state, p.generation, p.sends, p.in_doubt, p.problem, w.state as work
     from payouts p join work w on w.job = '${PAY}' and w.key = p.id::text where p.id = $1`,
    [id],
  );
  if (row === undefined) throw new Error(`no payout ${id}`);
  return row;
}

/** Runs the payout's row once. */
export async function pay(
  house: House,
  id: string,
  ...more: Parameters<House['run']> extends [unknown, ...infer R] ? R : never
) {
  return house.run(await house.row(PAY, id), ...more);
}
