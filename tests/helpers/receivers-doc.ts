import { join } from 'node:path';
import { type CallFields, callFields, UNSIGNED_SOURCES } from '../../src/config-receivers.ts';
import type { Receiver } from '../../src/http/receivers/receiver.ts';
import { receivers } from '../../src/http/receivers/registry.ts';
import { TEMPLATES } from '../../src/integrations/call-tracking/templates.ts';
import { PROJECT } from './migrations.ts';

export const RECEIVERS_FILE = join(PROJECT, 'docs', 'receivers.md');

/** A sender that signs as many do, for HMAC_RECEIVERS. */
export const HMAC_EXAMPLE = {
  acme: {
    algorithm: 'sha256',
    encoding: 'hex',
    header: 'x-acme-signature',
    prefix: 'sha256=',
    signed: '{timestamp}.{body}',
    timestampHeader: 'x-acme-timestamp',
    toleranceS: 300,
    secrets: ['example-not-a-secret-new', 'example-not-a-secret-old'],
    only: { field: 'event', values: ['call.ended'] },
    fields: {
      callId: 'call.id',
      trackingNumber: 'call.dialled',
      callerNumber: 'call.caller',
      startedAt: 'call.started_at',
      durationS: 'call.talk_seconds',
      answered: { field: 'call.status', values: ['answered'] },
      revenue: 'call.revenue',
      alwaysCurrency: 'usd',
      callerRegion: 'call.state',
      clickId: 'call.click',
      statedAt: 'sent_at',
      alwaysTimezone: 'America/New_York',
    },
  },
};

/** The table of receivers and the fields of providers, as the code has them. */
export function renderReceiversDoc(): string {
  const named = Object.keys(callFields.shape).filter((name) =>
    UNSIGNED_SOURCES.some((source) => name in TEMPLATES[source]),
  ) as (keyof CallFields)[];
  return [
    '# Receivers',
    '',
    'Generated from `src/http/receivers/` (`npm run generate`). Every receiver takes POST, verifies the raw bytes against a list of secrets (newest',
    'first, so that they rotate: add the new one in front, move the sender, remove the old one), hands over to the queue and answers 202, Twilio 200 with',
    'empty TwiML. A refusal is one and the same answer whichever check failed: 401 not signed, 400 not readable, 404 not configured, 413 above 1 MiB; 503 asks',
    'to come again. A body that is signed and does not fit becomes a dead letter, whole, with what is wrong field by field; what is no event of Stripe is 400.',
    'Where the secrets stand in a file (`file:/run/secrets/…`, of CallRail, Twilio, Stripe and in `HMAC_RECEIVERS`), that is read at each webhook.',
    '',
    'A call belongs to the campaign of the number that was dialled, whoever reports it: every sender that has secrets is trusted for all tracking numbers, and',
    'nothing ties a source to some of them. Give secrets only to whom you would believe any call. Reports of two sources are never of one call.',
    '',
    'Later facts replace earlier ones. They are stated when the sender says so (`timestamp`, `statedAt`); where it does not, and for `call_modified`, when they',
    'came. Facts from more than a day after their receipt become a dead letter. The ids of Twilio are `CA` or `AC` and 32 digits of base 16: its signature does',
    'not cover where a field ends, so that a form which could be read in two ways is 401. An event of the other mode of Stripe is accepted and left alone.',
    'The number of a caller becomes E.164, of the USA where it names no country; what is none (`sip:`, too few digits) stays as it is, and is judged by the rules.',
    'A token in its place that nobody filled in (`[tag:…]`) makes the body a dead letter. Region, attestation and line that newer facts leave out are those of older ones;',
    'a caller that is left out is an anonymous one.',
    'As its users report, Twilio adds `StirVerstat` and `CallToken` to some forms after it has signed them, which `callclear_webhook_fields_left_out_total` counts; and it',
    'sorts the query of an address after it has signed that (twilio-php, issue 790): give it addresses without a query, or with one in alphabetical order.',
    '',
    '| path | verified by | headers | variables | one event is | enqueued |',
    '| --- | --- | --- | --- | --- | --- |',
    ...receivers.map(rowOf),
    '',
    '## Providers that sign nothing',
    '',
    'Each pair in the variable is `path:header`: `path` is the last part of the address, `header` comes in `x-webhook-secret`. Two pairs are two doors, so that',
    "they rotate too. Whoever sets the webhook up writes its body (JSON or a form) or its query, with the provider's tokens in these fields. `currency` (`usd`) and",
    '`time_zone` (`America/New_York`, of times without an offset) are constants that stand there as they are. Put the instant of sending into `sent_at` (`statedAt` of',
    'Ringba): two bodies with the same bytes are one event, so that a revenue of 30, then 0, then 30 again would stay at 0 without it; and what is sent late would',
    'count as the latest. `click_id` is the click that led to the call, where the campaign is an offer of an affiliate platform ([integrations.md](integrations.md#conversions)).',
    '',
    `| field | ${UNSIGNED_SOURCES.join(' | ')} |`,
    `| --- | ${UNSIGNED_SOURCES.map(() => '---').join(' | ')} |`,
    ...named.map((name) => {
      const cells = UNSIGNED_SOURCES.map((source) => `\`${String(TEMPLATES[source][name] ?? '')}\``);
      return `| ${name} | ${cells.join(' | ')} |`;
    }),
    '',
    'Amounts are decimals in major units, text or number, and never go through a float. Times are Unix seconds or milliseconds, or ISO 8601 with an offset, or of',
    "the time zone. A call is answered when anybody talked for a second. Which of a provider's tokens",
    'fills which field was not tried against any of these providers: send a test call, and look at what `callclear trace` shows of it.',
    '',
    '## Senders that sign by HMAC in a way of their own',
    '',
    '`HMAC_RECEIVERS` is one JSON object, a sender by its source; the processes that receive and those that work both need it. `signed` is made of `{body}`,',
    '`{timestamp}` and `{id}`; a header that counts must be in it. `fields` are paths by dots; `currency` and `timezone` are paths too, `alwaysCurrency` and',
    '`alwaysTimezone` are values. With `idHeader` two deliveries of one id are one event; without, those of the same bytes, whenever they are stamped. A sender of',
    'corrections has an id, or the instant of sending in its body, which `statedAt` names: else a correction back to an earlier value is a replay. A body whose field of `only` is a text, a number or a boolean',
    'that is not in its `values` is dropped; one that does not have it is not.',
    '',
    '```json',
    JSON.stringify(HMAC_EXAMPLE, null, 2),
    '```',
    '',
  ].join('\n');
}

function rowOf({ path, verified, headers, variables, eventId, enqueues }: Receiver): string {
  const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');
  return `| \`${path}\` | ${verified} | ${code(headers)} | ${code(variables)} | ${eventId} | ${enqueues} |`;
}
