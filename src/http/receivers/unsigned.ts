import type { UnsignedSource } from '../../config-receivers.ts';
import { PermanentError } from '../../errors.ts';
import { verifySharedSecret } from '../../integrations/webhooks/shared-secret.ts';
import { hashOf, type Receiver, secretsOrUnknown } from './receiver.ts';

/**
 * The receiver of a provider that signs nothing and has whoever sets it up write address, headers and body: JSON, a form,
 * or no body and the fields in the query.
 */
export function unsignedReceiver(source: UnsignedSource, sentWhen: string): Receiver {
  return {
    name: source,
    path: `/webhooks/${source}/:path`,
    verified:
      'no signature: the secret part of the path and the header, both of one pair; who has them can send anything',
    headers: ['x-webhook-secret'],
    variables: [`${source.toUpperCase()}_WEBHOOK_SECRETS`],
    eventId: 'SHA-256 of the body, or of the query where there is no body',
    enqueues: `the call, by the fields below; ${sentWhen}`,
    take({ body, target, param, header }, { pathSecrets }) {
      verifySharedSecret(param('path'), header('x-webhook-secret'), secretsOrUnknown(pathSecrets[source]));
      const query = target.slice(`${target}?`.indexOf('?') + 1);
      const report = body.length > 0 ? body : Buffer.from(query);
      if (report.length === 0) throw new PermanentError('BODY_MALFORMED', 'Neither body nor query.');
      return { call: { source, kind: 'report', eventId: hashOf(report), body: report } };
    },
  };
}
