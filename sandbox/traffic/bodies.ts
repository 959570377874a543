import type { Random } from '../random.ts';
import type { PlannedCall } from './calls.ts';

const CITIES = [
  ['Austin', 'TX'],
  ['Denver', 'CO'],
  ['Columbus', 'OH'],
  ['Portland', 'OR'],
  ['Tampa', 'FL'],
  ['Newark', 'NJ'],
] as const;

/** A post_call or call_modified body of CallRail; the body does not tell which, the address does. */
export function callrailBody(call: PlannedCall, random: Random): string {
  const [city, state] = random.pick(CITIES);
  return JSON.stringify({
    resource_id: call.externalId,
    company_resource_id: 'COM00000000000000000000000000000000',
    company_name: 'Callclear Demo Exchange',
    company_time_zone: 'America/New_York',
    answered: call.answered,
    voicemail: false,
    call_type: call.answered ? 'answered' : 'missed',
    direction: 'inbound',
    duration: String(call.durationS),
    customer_phone_number: call.callerNumber ?? 'anonymous',
    customer_name: 'Demo Caller',
    customer_city: city,
    customer_state: state,
    customer_country: 'US',
    tracking_phone_number: call.trackingNumber,
    business_phone_number: '',
    first_call: true,
    tags: [],
    note: '',
    value: '',
    start_time: new Date(call.startedAtMs).toISOString(),
    created_at: new Date(call.startedAtMs).toISOString(),
    timestamp: new Date(call.statedAtMs).toISOString(),
    source_name: 'Demo Ads',
    integration_data: [],
  });
}

/** Our own body, as any sender of Standard Webhooks posts it. */
export function standardBody(call: PlannedCall, event: 'post_call' | 'call_modified'): string {
  return JSON.stringify({
    type: event === 'post_call' ? 'call.completed' : 'call.modified',
    timestamp: new Date(call.statedAtMs).toISOString(),
    data: {
      call_id: call.externalId,
      tracking_number: call.trackingNumber,
      caller_number: call.callerNumber,
      started_at: new Date(call.startedAtMs).toISOString(),
      duration_s: call.durationS,
      answered: call.answered,
    },
  });
}
