import { unsignedReceiver } from './unsigned.ts';

/** TrackDrive, by an outgoing webhook. */
export const trackdrive = unsignedReceiver('trackdrive', 'a webhook on call ended, and on conversion');
