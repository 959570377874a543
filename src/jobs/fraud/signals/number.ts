import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { between, type CallFacts, type Measure, measured, type Signal } from '../signal.ts';
import { chanceOfAtLeast, unlikely } from '../statistics.ts';
import { likeness } from './duration.ts';

const certain = (value: Measure['value'] = {}): Measure => ({ strength: 1, value });

/** Of the number that was asked for last, because several signals look at one number, and reading it costs more than all else. */
let last: { readonly number: string; readonly type: string | null } | null = null;

/** An area code has 800 exchanges or less. */
const THOUSANDS = 7_900;

/** What kind of number it is; null when it cannot exist. */
function typeOf(number: string): string | null {
  if (last?.number === number) return last.type;
  const parsed = parsePhoneNumberFromString(number);
  const type = parsed?.isValid() === true ? (parsed.getType() ?? 'unknown') : null;
  last = { number, type };
  return type;
}

/** Numbers of the numbering plan that nobody has: fiction's 555-01xx, exchanges that are services (411, 911), one digit all along. */
function isUnassigned(number: string): boolean {
  if (!number.startsWith('+1') || number.length !== 12) return false;
  const subscriber = number.slice(5);
  return (
    subscriber.startsWith('55501') || subscriber.startsWith('11', 1) || new Set(number.slice(2)).size === 1
  );
}

const ifNumber =
  (measure: (number: string, call: CallFacts) => Measure | null): Signal['measure'] =>
  (call) =>
    call.callerNumber === null ? null : measure(call.callerNumber, call);

/** What the caller's number is. */
export const numberSignals: readonly Signal[] = [
  {
    name: 'invalid-number',
    version: 1,
    text: "the caller's number cannot exist",
    measure: ifNumber((number) => (typeOf(number) === null ? certain() : null)),
  },
  {
    name: 'anonymous-caller',
    version: 1,
    text: 'the caller withheld the number',
    measure: ({ callerNumber }) => (callerNumber === null ? certain() : null),
  },
  {
    name: 'own-number',
    version: 1,
    text: "the caller's number is a tracking number of this exchange: the call came out of it",
    measure: ({ ownNumber }) => (ownNumber ? certain() : null),
  },
  {
    name: 'toll-free-caller',
    version: 1,
    text: "the caller's number is a toll-free one, from which nobody calls",
    measure: ifNumber((number) => (typeOf(number) === 'TOLL_FREE' ? certain() : null)),
  },
  {
    name: 'premium-number',
    version: 1,
    text: "the caller's number is a premium, shared-cost or personal one",
    measure: ifNumber((number) => {
      const type = typeOf(number);
      const costs = type === 'PREMIUM_RATE' || type === 'SHARED_COST' || type === 'PERSONAL_NUMBER';
      return costs ? certain({ type }) : null;
    }),
  },
  {
    name: 'unassigned-number',
    version: 2,
    text: "the caller's number was given to nobody",
    measure: ifNumber((number) => (isUnassigned(number) ? certain() : null)),
  },
  {
    name: 'number-block',
    version: 2,
    text: 'more numbers that differ in the last digits alone called the supplier within 30 days than do by chance',
    measure(call) {
      const { hundredOfSupplier: hundred, numbersOfSupplier: thousand, numbers } = call.block;
      if (thousand === 0) return null;
      // As if all of the supplier's callers had numbers of this area code, which has so many thousands.
      const calls = Math.max(call.profile?.calls ?? 0, call.supplier.calls, thousand);
      const pValue = chanceOfAtLeast(thousand, calls, 1 / THOUSANDS);
      // Who rotates numbers does it for one supplier; an office calls whomever it needs.
      const isAlone = between(thousand / numbers, 0.4, 0.9);
      return measured(Math.min(1, unlikely(pValue) + 0.12 * thousand) * isAlone, {
        thousand,
        hundred,
        numbers,
        calls,
        pValue,
      });
    },
  },
  {
    name: 'attestation',
    version: 1,
    text: "no carrier vouches in full for the caller's number (STIR)",
    measure: ({ attestation }) => {
      if (attestation === null || attestation === 'A') return null;
      return { strength: attestation === 'B' ? 0.4 : 1, value: { attestation } };
    },
  },
  {
    name: 'attestation-share',
    version: 2,
    text: "carriers vouch for far fewer of the supplier's callers than of others'; least of all it says of one they do vouch for",
    measure(call) {
      const found = vouching(call);
      if (found === null) return null;
      const part = call.attestation === 'A' ? 0.35 : call.attestation === null ? 0.8 : 1;
      return measured(unlikely(found.pValue) * part * (0.5 + 0.5 * likeness(call)), found);
    },
  },
];

/** How much more of its signed calls may be vouched for in part than of others', in the day before and in the profile. */
const TOLERANCE = { window: 0.05, profile: 0.1 };

/** The stronger evidence that carriers vouch for fewer of a supplier's callers: of the day before, or of the profile. */
export function vouching({ supplier, profile, network }: CallFacts) {
  const usual = network === null || network.signed < 100 ? 0.19 : network.vouchedLess / network.signed;
  const found = [
    { less: supplier.vouchedLess, signed: supplier.signed, expected: usual + TOLERANCE.window, least: 6 },
    {
      ...{ less: profile?.vouchedLess ?? 0, signed: profile?.signed ?? 0 },
      ...{ expected: usual + TOLERANCE.profile, least: 20 },
    },
  ]
    .filter(({ signed, least }) => signed >= least)
    .map(({ less, signed, expected }) => ({
      ...{ less, signed, expected },
      pValue: chanceOfAtLeast(less, signed, Math.min(0.97, expected)),
    }));
  return found.sort((a, b) => a.pValue - b.pValue)[0] ?? null;
}
