import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { callrail } from '../../src/http/receivers/callrail.ts';
import { hmac } from '../../src/http/receivers/hmac.ts';
import type { Receiver } from '../../src/http/receivers/receiver.ts';
import { receivers } from '../../src/http/receivers/registry.ts';
import { ringba } from '../../src/http/receivers/ringba.ts';
import { twilio } from '../../src/http/receivers/twilio.ts';
import { readForm } from '../../src/integrations/call-tracking/fields.ts';
import { verifyTwilioWebhook } from '../../src/integrations/webhooks/twilio.ts';
import { fuzz } from '../fuzz/run.ts';

const SEED = Date.now() % 1_000_000_000;
const CLEAN = { crashes: 0, serverErrors: 0, forgedAccepted: 0 };

test(`mutated requests crash nothing, are no fault of ours, and none is taken for signed (seed ${SEED})`, async () => {
  const findings: string[] = [];
  const onFinding = (kind: string, request: string) => void findings.push(`${kind}: ${request}`);
  const result = await fuzz({ count: 2_000, seed: SEED, onFinding });
  expect(findings).toEqual([]);
  expect(result).toMatchObject({ tried: 2_000, brokenOff: null, ...CLEAN });
  expect(result.accepted).toBeGreaterThan(0);
});

/** Receivers with a deliberate fault, which the fuzz must find. */
const DEFECTS: [string, Receiver][] = [
  [
    'compares the beginning of a signature',
    {
      ...callrail,
      take({ body, header }, { callRailSigningKeys }) {
        const isIt = (key: string) =>
          createHmac('sha1', key)
            .update(body)
            .digest('base64')
            .startsWith((header('signature') ?? '').slice(0, 20));
        if (callRailSigningKeys.some(isIt)) return { ignored: 'x' };
        throw new PermanentError('SIGNATURE_INVALID', 'x');
      },
    },
  ],
  [
    'believes the stamp of the sender',
    {
      ...hmac,
      take: (delivery, secrets) =>
        hmac.take(delivery, secrets, Number(delivery.header('x-own-time') ?? 0) * 1_000),
    },
  ],
  [
    'lets in by half of a pair',
    {
      ...ringba,
      take(delivery, { pathSecrets }) {
        if (pathSecrets.ringba.some(({ header }) => header === delivery.header('x-webhook-secret')))
          return { ignored: 'x' };
        throw new PermanentError('SIGNATURE_INVALID', 'x');
      },
    },
  ],
  [
    'believes a form of Twilio whatever its fields are',
    {
      ...twilio,
      take({ body, target, header }, { twilioSigningTokens: tokens, publicUrl }) {
        const url = `${publicUrl?.slice(0, -1)}${target}`;
        verifyTwilioWebhook(body, () => readForm(body), {
          url,
          tokens,
          signature: header('x-twilio-signature'),
        });
        return { ignored: 'x' };
      },
    },
  ],
];
const planted = (defect: Receiver) =>
  receivers.map((receiver) => (receiver.name === defect.name ? defect : receiver));

test.each(DEFECTS)('a receiver that %s is found', async (_what, defect) => {
  const result = await fuzz({ count: 3_000, seed: 1, receivers: planted(defect) });
  expect(result.forgedAccepted).toBeGreaterThan(0);
});

test('a receiver that throws is found', async () => {
  const take = () => {
    throw new RangeError('planted');
  };
  const result = await fuzz({ count: 300, seed: 1, receivers: planted({ ...callrail, take }) });
  expect(result.serverErrors).toBeGreaterThan(0);
});

test('a fault of the fuzz itself is told, and what it tried is what it says', async () => {
  let judged = 0;
  const judge = () => () => {
    judged += 1;
    if (judged > 3) throw new TypeError('planted in the judge');
    return true;
  };
  const result = await fuzz({ count: 300, seed: 1, judge });
  expect(result.brokenOff).toContain('planted in the judge');
  expect(result.tried).toBeLessThan(300);
});
