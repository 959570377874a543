import { createHash } from 'node:crypto';
import { validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { isWordLetter } from '../../config-receivers.ts';
import { PermanentError } from '../../errors.ts';
import { isSameSecret } from './verify.ts';

/** A form as it was read: of a name that stands more than once, a list. */
export type TwilioForm = Readonly<Record<string, string | readonly string[]>>;

/**
 * Names of fields that are read, and those that stand behind them. A name as short as `To` may stand in any text, so that
 * there is only asked whether it is there.
 */
const NAMES = [
  'AccountSid',
  'ApiVersion',
  'CallDuration',
  'CallSid',
  'CallStatus',
  'DialCallDuration',
  'DialCallSid',
  'DialCallStatus',
  'Direction',
  'FromCity',
  'FromCountry',
  'FromState',
  'FromZip',
  'ParentCallSid',
  'SequenceNumber',
  'StirVerstat',
  'ToCity',
  'ToCountry',
  'ToState',
  'ToZip',
];
const SIDS = { AccountSid: 'AC', CallSid: 'CA', DialCallSid: 'CA' };
const MAX_NAME_LENGTH = 64;

/**
 * Verifies a request of Twilio by the check of its official library: HMAC-SHA1 over the address that Twilio called and,
 * of a form, its fields. A body that is no form is covered by `bodySHA256` in the address. Throws SIGNATURE_INVALID.
 *
 * `readForm` is called where a form is what is signed; it throws SIGNATURE_INVALID for a body that is none.
 *
 * `url` is made of the public address in the configuration, since what stands in Host is the sender's word. Nothing in
 * the signature says when it was made: what stops a second effect of a replay is the event's unique row.
 */
export function verifyTwilioWebhook(
  body: Buffer,
  readForm: () => TwilioForm,
  { url, signature = '', tokens }: { url: string; signature: string | undefined; tokens: readonly string[] },
): void {
  const bodyHash = URL.canParse(url) ? new URL(url).searchParams.get('bodySHA256') : null;
  const params = bodyHash === null ? readForm() : {};
  const hash = createHash('sha256').update(body).digest('hex');
  const covered = bodyHash === null || isSameSecret(bodyHash, hash);
  const matches = tokens.filter((token) => isSigned(token, signature, url, params));
  if (covered && matches.length > 0) return;
  throw new PermanentError('SIGNATURE_INVALID', 'The webhook is not signed with an auth token of Twilio.');
}

/**
 * Whether a form can be read in no other way under its signature, which covers neither where a name ends nor where a value
 * does: `CallSid=CA…` and `CallStatus=completed` are signed as `CallSid=CA…CallStatuscompleted` is, and the end of the
 * address as a field. So each name that is read must stand in the signed text as a name and nowhere else, and ids have
 * the length of ids. Names begin with a capital and are letters, digits and `_`, with `-` in those of SIP (`DialSipHeader_X-…`).
 */
export function isPlainTwilioForm(target: string, form: TwilioForm): boolean {
  const names = Object.keys(form).sort();
  const isName = (name: string) =>
    name.length <= MAX_NAME_LENGTH &&
    isCapital(name.charAt(0)) &&
    [...name].every((letter) => isWordLetter(letter) && (letter !== '-' || name.includes('SipHeader_')));
  const isSid = ([name, prefix]: [string, string]) => !Object.hasOwn(form, name) || isId(form[name], prefix);
  if (!names.every(isName) || !['From', 'To'].every((name) => Object.hasOwn(form, name))) return false;
  if (!Object.entries(SIDS).every(isSid)) return false;
  const fields = names.flatMap((name) => [form[name] ?? ''].flat().map((value) => ({ name, value })));
  // The library also takes an address whose query is written anew.
  const query = new URLSearchParams(target.slice(`${target}?`.indexOf('?'))).toString();
  const text = [target, query, ...fields.map(({ name, value }) => name + value)].join('');
  return NAMES.every((mark) => {
    const inNames = fields.filter(({ name }) => NAMES.includes(name) && name.includes(mark)).length;
    return text.split(mark).length - 1 === inNames;
  });
}

const isCapital = (letter: string) => letter >= 'A' && letter <= 'Z';

/** One that is empty names nothing. */
function isId(value: unknown, prefix: string): boolean {
  if (value === '') return true;
  const isHex = (letter: string) => '0123456789abcdef'.includes(letter);
  return (
    typeof value === 'string' &&
    value.length === 34 &&
    value.startsWith(prefix) &&
    [...value.slice(prefix.length)].every(isHex)
  );
}

function isSigned(token: string, signature: string, url: string, params: object): boolean {
  try {
    return validateRequest(token, signature, url, { ...params });
  } catch {
    // The library throws on an address that is none; whatever it does not verify is not signed.
    return false;
  }
}
