import { unsignedReceiver } from './unsigned.ts';

/** Convoso, by Convoso Connect. */
export const convoso = unsignedReceiver('convoso', 'a workflow on the disposition of a call');
