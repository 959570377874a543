import { isPair } from '../config-files.ts';

/** How a request shows who asks. */
export interface Credential {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

export const bearer = (token: string): Credential => ({ headers: { authorization: `Bearer ${token}` } });
/** `Token …`, and not Bearer. */
export const tokenScheme = (token: string): Credential => ({ headers: { authorization: `Token ${token}` } });
/** How a token is shown. `takes`: what can be one; nothing is sent with anything else. */
export interface Authorize {
  (token: string): Credential;
  readonly takes?: (token: string) => boolean;
}

/** `pair` is user:password. */
export const basic: Authorize = Object.assign(
  (pair: string): Credential => ({
    headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
  }),
  { takes: isPair },
);
export const headerKey =
  (name: string) =>
  (token: string): Credential => ({ headers: { [name]: token } });
/** For providers that take it nowhere else. */
export const queryKey =
  (name: string) =>
  (token: string): Credential => ({ query: { [name]: token } });

export const HIDDEN = '[hidden]';

/** Everything that shows who asks, in the forms that it takes in a request. */
export function secretsOf(
  tokens: readonly string[],
  authorize: (token: string) => Credential,
): readonly string[] {
  const shown = tokens.flatMap((token) => {
    const { headers = {}, query = {} } = authorize(token);
    const whole = [token, ...Object.values(headers), ...Object.values(query)];
    return [...whole, ...whole.flatMap(partsOf)];
  });
  const encoded = shown.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams([['', secret]]).toString().slice(1),
  ]);
  // The longest first, so that no rest of one stays behind.
  return [...new Set(encoded)].filter((secret) => secret !== '').sort((a, b) => b.length - a.length);
}

/** A part that is shorter would be found in any text. */
const SHORTEST_PART = 6;

/** Behind a scheme such as `Basic`, and both halves of a pair: a provider may quote them alone. */
const partsOf = (secret: string): string[] =>
  [secret.slice(secret.indexOf(' ') + 1), ...secret.split(':')].filter(
    (part) => part.length >= SHORTEST_PART,
  );

export const hideSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((hidden, secret) => hidden.replaceAll(secret, HIDDEN), text);

/** The same error and its causes without any secret: Node quotes a header that it refuses, and addresses. */
export function withoutSecrets(error: unknown, secrets: readonly string[]): Error {
  if (!(error instanceof Error)) return new Error(hideSecrets(String(error), secrets));
  const { name, message, stack = '', cause } = error;
  const clean = new Error(
    hideSecrets(message, secrets),
    cause === undefined ? {} : { cause: withoutSecrets(cause, secrets) },
  );
  clean.stack = hideSecrets(stack, secrets);
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return Object.assign(clean, { name, ...code });
}
