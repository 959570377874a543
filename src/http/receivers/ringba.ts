import { unsignedReceiver } from './unsigned.ts';

/** Ringba, by a pixel of method POST. */
export const ringba = unsignedReceiver(
  'ringba',
  'a pixel on Finalized, and on Payout where revenue comes later',
);
