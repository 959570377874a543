import { between, measured, type Signal } from '../signal.ts';
import { leastShare } from '../statistics.ts';
import { likeness } from './duration.ts';

/** Below so many calls a share says nothing. */
const LEAST = 50;
const LEAST_PAYABLE = 10;

/** What became of the supplier's calls. */
export const supplierSignals: readonly Signal[] = [
  {
    name: 'supplier-refused',
    version: 2,
    text: "many of the supplier's calls that were long enough were stopped by rules",
    measure(call) {
      const { profile } = call;
      if (profile === null || profile.payable < LEAST_PAYABLE) return null;
      const share = leastShare(profile.stopped, profile.payable);
      return measured(between(share, 0.05, 0.35) * likeness(call), {
        share,
        stopped: profile.stopped,
        calls: profile.payable,
      });
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
