import { unsignedReceiver } from './unsigned.ts';

/** Retreaver, by a webhook of the campaign. */
export const retreaver = unsignedReceiver('retreaver', 'a webhook on the end of a call, and on conversion');
