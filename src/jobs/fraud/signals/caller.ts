import { between, measured, type Signal } from '../signal.ts';

/** What the caller did before. */
export const callerSignals: readonly Signal[] = [
  {
    name: 'caller-velocity',
    version: 1,
    text: 'the caller made several calls within the hour or the day before',
    measure: ({ caller: { hour, day } }) =>
      measured(Math.max(between(hour, 1, 5), between(day, 3, 10)), { hour, day }),
  },
  {
    name: 'duplicate-in-campaign',
    version: 1,
    text: 'the caller had payable calls in this campaign within 30 days',
    measure: ({ caller: { payableInCampaign } }) =>
      measured(between(payableInCampaign, 0, 4), { calls: payableInCampaign }),
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
    version: 1,
    text: 'the caller called several campaigns within 30 days',
    measure: ({ caller: { otherCampaigns } }) =>
      measured(between(otherCampaigns, 1, 4), { campaigns: otherCampaigns }),
  },
  {
    name: 'across-suppliers',
    version: 1,
    text: 'the caller came by several suppliers within 30 days',
    measure: ({ caller: { otherSuppliers } }) =>
      measured(between(otherSuppliers, 1, 4), { suppliers: otherSuppliers }),
  },
];
