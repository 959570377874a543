import { isSourceName } from './config-receivers.ts';

/** Who is told of business events; secrets newest first. */
export interface EventSettings {
  readonly posthog: { readonly key: string; readonly host: string } | null;
  readonly webhooks: readonly {
    readonly name: string;
    readonly url: string;
    readonly secrets: readonly string[];
  }[];
}

type Endpoint = readonly [name: string, address: string];

/** Only to this machine, and only outside of prod, may anything go in plain. */
const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]'];
const isPlain = (address: string) => new URL(address).protocol === 'http:';

/** `name=https://…`, without a user, a password and a fragment. */
export function parseEndpoint(item: string): Endpoint | null {
  const at = Math.max(item.indexOf('='), 0);
  const [name, address] = [item.slice(0, at), item.slice(at + 1)];
  if (!isSourceName(name) || !URL.canParse(address)) return null;
  const { protocol, hostname, username, password, hash } = new URL(address);
  const allowed = protocol === 'https:' || (protocol === 'http:' && THIS_MACHINE.includes(hostname));
  return allowed && `${username}${password}${hash}` === '' ? [name, address] : null;
}

export function endpointsOf(
  urls: readonly Endpoint[],
  secretsOf: Readonly<Record<string, readonly string[]>>,
): EventSettings['webhooks'] {
  return Object.freeze(
    urls.map(([name, url]) => Object.freeze({ name, url, secrets: secretsOf[name] ?? [] })),
  );
}

/** Each endpoint stands once and has secrets of its own, which are no public keys; and each secret has an endpoint. */
export function eventFaults(
  env: 'dev' | 'staging' | 'prod',
  urls: readonly Endpoint[],
  secrets: readonly (readonly [name: string, held: readonly string[]])[],
): ['EVENT_WEBHOOK_URLS' | 'EVENT_WEBHOOK_SECRETS', string][] {
  const [named, keyed] = [urls.map(([name]) => name), secrets.map(([name]) => name)];
  const faults: ReturnType<typeof eventFaults> = [];
  if (new Set(named).size < named.length) faults.push(['EVENT_WEBHOOK_URLS', 'names an endpoint twice']);
  if (named.some((name) => !keyed.includes(name)))
    faults.push(['EVENT_WEBHOOK_SECRETS', 'lacks the secrets of an endpoint']);
  if (keyed.some((name) => !named.includes(name)))
    faults.push(['EVENT_WEBHOOK_URLS', 'lacks the address of an endpoint that has secrets']);
  if (secrets.some(([, held]) => held.some((secret) => !secret.startsWith('whsec_'))))
    faults.push(['EVENT_WEBHOOK_SECRETS', 'holds a public key, which cannot sign']);
  if (env === 'prod' && urls.some(([, address]) => isPlain(address)))
    faults.push(['EVENT_WEBHOOK_URLS', 'holds an address in plain http, which prod may not']);
  return faults;
}
