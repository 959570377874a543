import type { CallFields, UnsignedSource } from '../../config-receivers.ts';

/**
 * What the providers that sign nothing send: a body that whoever sets up their webhook writes himself, with the provider's
 * tokens in it. So the names are ours to choose, and those of the provider's own reports, where these are known.
 *
 * `currency` and `time_zone` are constants that stand in such a body; `sent_at`, `statedAt` and `click_id` are names of ours. Sources: Ringba, "Pixels" and the columns of its call
 * logs; Retreaver, Core API, "Calls"; TrackDrive, API 1.0, "Calls"; Invoca, Transactions API; Convoso, "Call Log API". Not
 * verified against any of them: which token fills which field.
 */
export const TEMPLATES: Readonly<Record<UnsignedSource, CallFields>> = {
  ringba: {
    callId: 'inboundCallId',
    trackingNumber: 'number',
    callerNumber: 'inboundPhoneNumber',
    startedAt: 'callDt',
    durationS: 'connectedCallLengthInSeconds',
    revenue: 'conversionAmount',
    currency: 'currency',
    callerRegion: 'state',
    timezone: 'time_zone',
    clickId: 'click_id',
    // Also what its log of calls states otherwise than its webhook.
    statedAt: 'statedAt',
  },
  retreaver: {
    callId: 'uuid',
    trackingNumber: 'dialed_number',
    callerNumber: 'caller',
    startedAt: 'start_time',
    durationS: 'dialed_call_duration',
    revenue: 'revenue',
    currency: 'currency',
    callerRegion: 'caller_state',
    timezone: 'time_zone',
    clickId: 'click_id',
    statedAt: 'sent_at',
  },
  trackdrive: {
    callId: 'uuid',
    trackingNumber: 'number_called',
    callerNumber: 'caller_number',
    startedAt: 'created_at',
    durationS: 'answered_duration',
    revenue: 'revenue',
    currency: 'currency',
    callerRegion: 'state',
    timezone: 'time_zone',
    clickId: 'click_id',
    statedAt: 'sent_at',
  },
  invoca: {
    // The id of the whole call: a transaction is a leg of it, or a correction.
    callId: 'complete_call_id',
    trackingNumber: 'promo_line',
    callerNumber: 'calling_phone_number',
    startedAt: 'start_time_utc',
    // `duration` has the menus in it.
    durationS: 'connect_duration',
    revenue: 'advertiser_payin_localized',
    currency: 'currency',
    callerRegion: 'region',
    timezone: 'time_zone',
    clickId: 'click_id',
    statedAt: 'sent_at',
  },
  convoso: {
    callId: 'call_log_id',
    trackingNumber: 'number_dialed',
    callerNumber: 'phone_number',
    // Without an offset, in the zone of the account.
    startedAt: 'call_date',
    durationS: 'call_length',
    revenue: 'revenue',
    currency: 'currency',
    callerRegion: 'state',
    timezone: 'time_zone',
    clickId: 'click_id',
    statedAt: 'sent_at',
  },
};
