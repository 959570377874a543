import { between, type CallFacts, measured, type Signal } from '../signal.ts';
import { chanceOfAtLeast, unlikely } from '../statistics.ts';
import { likeness } from './duration.ts';

/**
 * How far the caller's calls before were as successful as those of people who are paid to call: an office's are of many people, and
 * fail as others do. Of one call it says little.
 */
const paid = ({ network, payable }: CallFacts['caller']) =>
  0.4 + 0.6 * between((payable + 0.3) / (network + 0.6), 0.35, 0.85);

/** What the caller did before. */
export const callerSignals: readonly Signal[] = [
  {
    name: 'caller-velocity',
    version: 2,
    text: 'the caller made several calls within the hour or the day before',
    measure({ caller }) {
      const { hour, day } = caller;
      return measured(Math.max(between(hour, 1, 5), between(day, 0, 4)) * paid(caller), { hour, day });
    },
  },
  {
    name: 'duplicate-in-campaign',
    version: 1,
    text: 'the caller had payable calls in this campaign within 30 days',
    measure: ({ caller: { payableInCampaign } }) =>
      measured(between(payableInCampaign, 1, 4), { calls: payableInCampaign }),
  },
  {
    name: 'duplicate-at-buyer',
    version: 1,
    text: 'the caller called other campaigns of this buyer within 30 days',
    measure: ({ caller: { buyer, campaign } }) =>
      measured(between(buyer - campaign, 0, 4), { calls: buyer - campaign }),
  },
  {
    name: 'duplicate-in-network',
    version: 1,
    text: 'the caller called campaigns of other buyers within 30 days',
    measure: ({ caller: { network, buyer } }) =>
      measured(between(network - buyer, 0, 5), { calls: network - buyer }),
  },
  {
    name: 'across-campaigns',
    version: 2,
    text: 'the caller called several campaigns within 30 days',
    measure: ({ caller }) =>
      measured(between(caller.otherCampaigns, 0, 4) * paid(caller), { campaigns: caller.otherCampaigns }),
  },
  {
    name: 'campaigns-in-a-day',
    version: 2,
    text: 'the caller called several campaigns, as often as that within the day before',
    measure({ caller }) {
      const campaigns = Math.min(caller.otherCampaigns, caller.day);
      return measured(between(campaigns, 1, 3) * paid(caller), { campaigns });
    },
  },
  {
    name: 'across-suppliers',
    version: 1,
    text: 'the caller came by several suppliers within 30 days',
    measure: ({ caller: { otherSuppliers } }) =>
      measured(between(otherSuppliers, 1, 4), { suppliers: otherSuppliers }),
  },
  {
    name: 'repeat-callers',
    version: 2,
    text: "too many of the supplier's callers call again; most of all it is one who has",
    measure(call) {
      const share = repeats(call);
      if (share === null) return null;
      const isOne = call.caller.payable > 0;
      return measured(unlikely(share.pValue) * (isOne ? 1 : 0.4 * likeness(call)), {
        ...share,
        before: call.caller.payable,
      });
    },
  },
];

/** Of honest callers one in twelve or so calls again. */
const USUAL_REPEATS = 0.12;

/** The stronger evidence: of the day before, or of the 28 days of the profile. */
function repeats({ supplier, profile }: CallFacts) {
  const found = [
    { again: supplier.again, calls: supplier.calls, least: 8 },
    { again: profile?.repeats ?? 0, calls: profile?.payable ?? 0, least: 20 },
  ]
    .filter(({ calls, least }) => calls >= least)
    .map(({ again, calls }) => ({ again, calls, pValue: chanceOfAtLeast(again, calls, USUAL_REPEATS) }));
  return found.sort((a, b) => a.pValue - b.pValue)[0] ?? null;
}
