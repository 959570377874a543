import { between, measured, type Signal } from '../signal.ts';
import { leastShare } from '../statistics.ts';

/** Below so many calls a share says nothing. */
const LEAST = 50;

/** What became of the supplier's calls. */
export const supplierSignals: readonly Signal[] = [
  {
    name: 'supplier-refused',
    version: 1,
    text: "many more of the supplier's calls were rejected than of the others'",
    measure({ profile, network }) {
      const rated = profile === null ? 0 : profile.qualified + profile.refused;
      if (profile === null || network === null || rated < LEAST) return null;
      const share = leastShare(profile.refused, rated);
      const usual = network.refused / Math.max(1, network.qualified + network.refused);
      return measured(between(share, usual + 0.15, usual + 0.5), { share, usual, calls: rated });
    },
  },
  {
    name: 'supplier-disputed',
    version: 1,
    text: "many more of the supplier's calls were disputed, and taken back, than of the others'",
    measure({ profile, network }) {
      if (profile === null || network === null || profile.qualified < LEAST) return null;
      const share = leastShare(profile.disputed, profile.qualified);
      const usual = network.disputed / Math.max(1, network.qualified);
      return measured(between(share, usual + 0.03, usual + 0.15), { share, usual, calls: profile.qualified });
    },
  },
];
