import { unsignedReceiver } from './unsigned.ts';

/** Invoca, by a webhook of the network. */
export const invoca = unsignedReceiver('invoca', 'a webhook on the end of a call');
