import { createHash } from 'node:crypto';
import type { StripeSetup } from '../src/integrations/stripe/setup.ts';
import type { FraudStore } from '../src/integrations/supabase/fraud.ts';
import type { OperationsStore, Parties } from '../src/integrations/supabase/operations.ts';
import { plainRules } from './plain-rules.ts';
import { trackingNumber } from './traffic/numbers.ts';
import type { Placement } from './traffic/plan.ts';

const SUPPLIERS = [
  'Bluebird Media',
  'Copperline Leads',
  'Harbor Search',
  'Juniper Affiliates',
  'Northgate Calls',
  'Redwood Performance',
];

interface DemoBuyer {
  readonly name: string;
  readonly timezone: string;
  readonly currency: string;
  readonly prepaid?: { readonly usd: { lowWaterMinor: number; rechargeMinor: number; mostPerDay: number } };
}
/** One pays before its calls: its wallet is charged when it is low. */
const WALLET = { usd: { lowWaterMinor: 50_000, rechargeMinor: 250_000, mostPerDay: 100 } };
const BUYERS: readonly DemoBuyer[] = [
  { name: 'Acme Roofing', timezone: 'America/Toronto', currency: 'cad' },
  { name: 'Lone Star Legal', timezone: 'America/Chicago', currency: 'usd', prepaid: WALLET },
  { name: 'Summit Solar', timezone: 'America/Denver', currency: 'usd' },
  { name: 'Pacific Plumbing', timezone: 'America/Los_Angeles', currency: 'usd' },
];
const currencyOf = (buyer: string) => BUYERS.find(({ name }) => name === buyer)?.currency ?? 'usd';

/** [campaign, its buyer, price in cents of the buyer's currency, supplier's share in basis points, seconds a call must last]. */
const CAMPAIGNS: readonly (readonly [string, string, number, number, number])[] = [
  ['Roof Repair', 'Acme Roofing', 1_800, 7_500, 60],
  ['Storm Damage', 'Acme Roofing', 2_450, 7_250, 90],
  ['Car Accidents', 'Lone Star Legal', 4_200, 8_000, 120],
  ['Workers Compensation', 'Lone Star Legal', 3_500, 7_800, 120],
  ['Home Solar', 'Summit Solar', 2_999, 7_000, 90],
  ['Solar Batteries', 'Summit Solar', 2_225, 7_333, 60],
  ['Emergency Plumber', 'Pacific Plumbing', 1_550, 7_500, 45],
  ['Water Heaters', 'Pacific Plumbing', 1_275, 7_777, 60],
];
const PAID_ONCE_IN_S = 7 * 86_400;
const SUPPLIERS_PER_CAMPAIGN = 3;

interface Exchange {
  /** Without the ids of Stripe. */
  readonly parties: Parties;
  readonly placements: readonly Placement[];
}

/** The demo's exchange: made-up names, made-up numbers, the same ids each time. Terms hold from `validFromMs` on. */
export function demoExchange(validFromMs: number): Exchange {
  const placed = CAMPAIGNS.flatMap(([name, , , , minDurationS], campaign) =>
    Array.from({ length: SUPPLIERS_PER_CAMPAIGN }, (_, nth) => ({
      number: trackingNumber(campaign * SUPPLIERS_PER_CAMPAIGN + nth),
      campaignId: idOf('campaign', name),
      supplierId: idOf('supplier', SUPPLIERS[(campaign + 2 * nth) % SUPPLIERS.length] ?? ''),
      minDurationS,
    })),
  );
  return {
    parties: {
      suppliers: SUPPLIERS.map((name) => ({
        id: idOf('supplier', name),
        name,
        stripeAccountId: null,
        authUserId: null,
      })),
      buyers: BUYERS.map(({ name, timezone, prepaid }) => ({
        id: idOf('buyer', name),
        name,
        email: `billing@${name.toLowerCase().replaceAll(' ', '-')}.example`,
        stripeCustomerId: null,
        authUserId: null,
        timezone,
        ...(prepaid === undefined ? {} : { prepaid }),
      })),
      campaigns: CAMPAIGNS.map(([name, buyer]) => ({
        id: idOf('campaign', name),
        buyerId: idOf('buyer', buyer),
        name,
      })),
      terms: CAMPAIGNS.map(([name, buyer, priceMinor, supplierShareBps, minDurationS]) => ({
        id: idOf('terms', name),
        campaignId: idOf('campaign', name),
        validFromMs,
        currency: currencyOf(buyer),
        priceMinor,
        supplierShareBps,
        minDurationS,
        duplicateWindowS: PAID_ONCE_IN_S,
      })),
      trackingNumbers: placed.map(({ number, campaignId, supplierId }) => ({
        number,
        campaignId,
        supplierId,
      })),
    },
    placements: placed.map(({ number, minDurationS }) => ({ trackingNumber: number, minDurationS })),
  };
}

/** Makes the exchange at Stripe and in the database. Safe to run twice within a day: the keys come from our ids. */
export async function seedExchange(
  { parties }: Exchange,
  {
    setup,
    operations,
    fraud,
    nowMs,
  }: {
    setup: StripeSetup;
    operations: Pick<OperationsStore, 'importParties'>;
    fraud: Pick<FraudStore, 'ruleSets' | 'addRuleSet' | 'useRuleSet'>;
    nowMs: number;
  },
): Promise<void> {
  const suppliers: Parties['suppliers'] = [];
  for (const supplier of parties.suppliers) {
    const { id: supplierId, name } = supplier;
    suppliers.push({ ...supplier, stripeAccountId: await setup.ensureAccount({ supplierId, name }) });
  }
  const buyers: Parties['buyers'] = [];
  for (const buyer of parties.buyers) {
    const { id: buyerId, name, email } = buyer;
    const customer = { buyerId, name, email: email ?? '', paymentMethod: 'pm_card_visa' };
    buyers.push({ ...buyer, stripeCustomerId: await setup.ensureCustomer(customer) });
  }
  await operations.importParties({ ...parties, suppliers, buyers }, 'demo', nowMs);
  const running = (await fraud.ruleSets([])).find(({ state }) => state === 'running');
  if (running?.version !== 1) return;
  const version = await fraud.addRuleSet(plainRules, 'demo', 'what the traffic of the demo contains', nowMs);
  await fraud.useRuleSet(version, 'running', 'demo', 'its traffic is too even for the default rules', nowMs);
}

/** A UUID of version 8 that is the same for the same name. */
function idOf(kind: string, name: string): string {
  const hash = createHash('sha256').update(`callclear-demo/${kind}/${name}`).digest('hex');
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-');
}
