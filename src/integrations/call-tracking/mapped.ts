import { z } from 'zod';
import type { CallFields } from '../../config-receivers.ts';
import { CURRENCIES, type Currency, parseDecimal } from '../../money.ts';
import { fieldAt, readFields } from './fields.ts';
import { parseInstant } from './instants.ts';
import {
  attestation,
  type CallReport,
  callerNumber,
  callerRegion,
  externalId,
  HOME_COUNTRY,
  isInstant,
  MAX_DURATION_S,
  numberOf,
  readReport,
} from './report.ts';

const text = z.union([z.string().max(512), z.boolean().transform(String)]);
const optional = text.nullish().transform((given) => (given == null || given.trim() === '' ? null : given));

/** In E.164; a number without a country is one of the USA's plan. */
const dialled = text.transform((given, context) => {
  const number = numberOf(given);
  if (number !== undefined) return number;
  context.addIssue({ code: 'custom', message: 'is no telephone number' });
  return z.NEVER;
});

/** Whole seconds; of a fraction nobody owes. */
const duration = text.transform((given, context) => {
  const [whole = '', fraction = '0', ...more] = given.split('.');
  const isPlain = [...whole, ...fraction].every((letter) => letter >= '0' && letter <= '9');
  const seconds = Number(whole);
  if (isPlain && whole !== '' && more.length === 0 && seconds <= MAX_DURATION_S) return seconds;
  context.addIssue({ code: 'custom', message: 'is no number of seconds' });
  return z.NEVER;
});

const schema = z
  .object({
    callId: text.pipe(externalId),
    trackingNumber: dialled,
    callerNumber,
    startedAt: text,
    durationS: duration,
    answered: optional,
    revenue: optional,
    currency: optional,
    callerRegion: optional,
    attestation: optional,
    clickId: optional.pipe(externalId.nullable()),
    statedAt: optional,
    timezone: optional,
  })
  .transform((given, context) => {
    const instantAt = (name: 'startedAt' | 'statedAt') => {
      const at = given[name];
      const ms = at === null ? null : parseInstant(at, given.timezone);
      if (at === null || (ms !== null && isInstant(ms))) return ms;
      context.addIssue({ code: 'custom', path: [name], message: 'is no instant, or one without an offset' });
      return null;
    };
    const revenue = revenueOf(given);
    if (given.revenue !== null && revenue === null)
      context.addIssue({
        code: 'custom',
        path: ['revenue'],
        message: 'is no amount of a currency that is known',
      });
    return {
      ...given,
      startedAtMs: instantAt('startedAt') ?? 0,
      statedAtMs: instantAt('statedAt'),
      revenue,
    };
  });

/**
 * Reads a body whose facts stand where `at` says. Throws BODY_MALFORMED, with what is wrong by the names of `CallFields`.
 *
 * Amounts are decimals in major units and never floats, times become UTC and numbers E.164. Facts are stated when the sender
 * says so, else when it told them, where it was the sender who told: a later report may make a call shorter.
 */
export function readMapped(at: CallFields, body: Uint8Array, toldAtMs: number | null): CallReport {
  const fields = readFields(body);
  const find = (path: string | undefined) => (path === undefined ? undefined : fieldAt(fields, path));
  const given = readReport(schema, {
    callId: find(at.callId),
    trackingNumber: find(at.trackingNumber),
    callerNumber: find(at.callerNumber),
    startedAt: find(at.startedAt),
    durationS: find(at.durationS),
    answered: find(at.answered?.field),
    revenue: find(at.revenue),
    currency: find(at.currency) ?? at.alwaysCurrency,
    callerRegion: find(at.callerRegion),
    attestation: find(at.attestation),
    clickId: find(at.clickId),
    statedAt: find(at.statedAt),
    timezone: find(at.timezone) ?? at.alwaysTimezone,
  });
  const { callId, trackingNumber, durationS, startedAtMs, statedAtMs, revenue } = given;
  const region = given.callerRegion ?? '';
  return {
    ...{ externalId: callId, trackingNumber, callerNumber: given.callerNumber, startedAtMs, durationS },
    answered: at.answered === undefined ? durationS > 0 : at.answered.values.includes(given.answered ?? ''),
    ...(revenue === null ? {} : { revenue }),
    callerRegion: callerRegion.parse(region.length === 2 ? `${HOME_COUNTRY}-${region}` : region),
    attestation: attestation.parse(given.attestation?.toUpperCase()),
    ...(given.clickId === null ? {} : { clickId: given.clickId }),
    factsAtMs: statedAtMs ?? toldAtMs ?? startedAtMs + durationS * 1_000,
  };
}

function revenueOf({ revenue, currency }: { revenue: string | null; currency: string | null }) {
  const code = currency?.trim().toLowerCase() ?? '';
  if (revenue === null || !Object.hasOwn(CURRENCIES, code)) return null;
  const amountMinor = parseDecimal(revenue.trim(), CURRENCIES[code as Currency].exponent);
  return amountMinor === null || amountMinor < 0 ? null : { amountMinor, currency: code };
}
