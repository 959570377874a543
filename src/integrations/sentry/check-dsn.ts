import * as http from 'node:http';
import * as https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { urlToHttpOptions } from 'node:url';
import { PermanentError } from '../../errors.ts';
import { handleApiError, Refused } from '../api-errors.ts';
import { openClient, type TransportOptions } from './reporter.ts';

/** By when Sentry has looked up a project that it was asked for the first time in a while. */
const LOOKED_UP_MS = 1_000;
const CLOSED_MS = 100;

/**
 * Whether Sentry takes reports by this DSN. Throws PermanentError CONFIG_INVALID of what is none, ApiError when it is refused.
 *
 * It is sent an empty client report by the library's own transport, as libraries do to say how many events they dropped: it makes
 * no event and no issue. An envelope without anything in it is not sent by the library, and not looked at by Sentry. Sentry's own
 * server (Relay) answers 200 while it does not know the project yet and 403 when it knows of none, so it is asked twice.
 *
 * The transport waits for an answer without end: its requests end with the signal, and when the check does.
 */
export async function checkDsn(dsn: string, signal: AbortSignal): Promise<void> {
  const { protocol, username, pathname } = new URL(dsn);
  const project = pathname.slice(pathname.lastIndexOf('/') + 1);
  // The library would print what is none.
  const isDsn = username !== '' && project !== '' && Number.isInteger(Number(project));
  const sentry = await import('@sentry/node');
  const checked = new AbortController();
  const client = isDsn
    ? openClient(sentry, {
        ...{ dsn, environment: 'doctor', release: 'callclear' },
        transportOptions: endingWith(protocol, AbortSignal.any([signal, checked.signal])),
      })
    : undefined;
  const transport = client?.getTransport();
  if (client === undefined || transport === undefined)
    throw new PermanentError(
      'CONFIG_INVALID',
      'SENTRY_DSN is not https://<key>@<host>/<number of the project>.',
    );
  const ask = async () => {
    const report = { timestamp: Date.now() / 1_000, discarded_events: [] };
    const { statusCode = 0 } = await transport.send([{}, [[{ type: 'client_report' }, report]]]);
    if (statusCode < 200 || statusCode > 299) throw new Refused({ statusCode, code: null, waitMs: null });
  };
  try {
    await ask();
    await sleep(LOOKED_UP_MS, undefined, { signal });
    await ask();
  } catch (error) {
    signal.throwIfAborted();
    throw handleApiError('sentry', 'client_report', error, { secrets: [dsn, username] });
  } finally {
    checked.abort();
    // It listens for the end of the process until then.
    await client.close(CLOSED_MS);
  }
}

const endingWith = (protocol: string, signal: AbortSignal): TransportOptions => ({
  httpModule: {
    request(options, answered) {
      const isAddress = typeof options === 'string' || options instanceof URL;
      const given: https.RequestOptions = isAddress ? urlToHttpOptions(new URL(options)) : options;
      const { request } = protocol === 'https:' ? https : http;
      // The library's own type of an answer has a status that is there, or no field at all.
      return request({ ...given, signal }, answered as (response: http.IncomingMessage) => void);
    },
  },
});
