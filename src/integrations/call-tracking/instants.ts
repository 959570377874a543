import { z } from 'zod';

const isDigits = (text: string) => [...text].every((letter) => letter >= '0' && letter <= '9');
const iso = z.iso.datetime({ offset: true, local: true });
const DAY_MS = 86_400_000;

/**
 * An instant as providers write them, in milliseconds: Unix seconds or milliseconds, ISO 8601, or that with blanks and an
 * offset such as `-0700` or `UTC`. One without an offset is a time of `timezone`. Null for all else.
 */
export function parseInstant(text: string, timezone: string | null): number | null {
  const trimmed = text.trim();
  if (isDigits(trimmed) && trimmed.length === 10) return Number(trimmed) * 1_000;
  if (isDigits(trimmed) && trimmed.length === 13) return Number(trimmed);
  const [date = '', time = '', offset = '', ...more] = trimmed.split(' ');
  const joined = time === '' ? date : `${date}T${time}${offset === 'UTC' ? 'Z' : offset}`;
  const written = withColon(joined);
  if (more.length > 0 || !iso.safeParse(written).success) return null;
  const hasOffset = z.iso.datetime({ offset: true }).safeParse(written).success;
  if (hasOffset) return Date.parse(written);
  return timezone === null ? null : instantIn(timezone, Date.parse(`${written}Z`));
}

/** `…-0700` as `…-07:00`. */
function withColon(text: string): string {
  const sign = text.at(-5);
  const digits = text.slice(-4);
  const isBare = text.includes('T') && (sign === '+' || sign === '-') && isDigits(digits);
  return isBare ? `${text.slice(0, -2)}:${text.slice(-2)}` : text;
}

/** `localMs` is what the clocks showed, as if they were of UTC. An hour that comes twice is the first of both. */
function instantIn(timezone: string, localMs: number): number | null {
  try {
    const offsets = [localMs - DAY_MS, localMs + DAY_MS].map((ms) => offsetMs(timezone, ms));
    const [before = 0] = offsets;
    const right = offsets.find((offset) => offsetMs(timezone, localMs - offset) === offset);
    return localMs - (right ?? before);
  } catch {
    return null;
  }
}

/** Throws for a zone that is none. */
function offsetMs(timezone: string, atMs: number): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
  const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  // `GMT-07:00`, and `GMT` where there is none.
  const [hours = '0', minutes = '0'] = name.slice(4).split(':');
  const size = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return name.at(3) === '-' ? -size : size;
}
