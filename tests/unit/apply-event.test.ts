import { expect, test } from 'vitest';
import { applyEvent } from '../../src/jobs/stripe/apply-event.job.ts';

test.each([
  [false, { kind: 'done', summary: { result: 'held' } }, 1],
  [true, { kind: 'skip', reason: 'other_mode' }, 0],
])(
  'of a deployment whose livemode is %s, an account that left in test mode ends as %o',
  async (livemode, end, held) => {
    let [noted, told] = [0, 0];
    const services = {
      stripeMode: { livemode },
      clock: { nowMs: () => 0 },
      log: {
        warn() {
          told += 1;
        },
      },
      payouts: {
        noteAccount: async () => {
          noted += 1;
          return 'held';
        },
      },
      operations: { storeStripeEvent: async () => true },
      ...{ signal: AbortSignal.timeout(5_000), trace: 'test' },
    };
    const event = {
      ...{ eventId: 'evt_1', type: 'account.application.deauthorized', objectId: 'ca_1', account: 'acct_1' },
      ...{ createdMs: 0, receivedAtMs: 0, livemode: false },
    };
    expect(await applyEvent.run(event, services as never)).toMatchObject(end);
    expect([noted, told]).toEqual([held, 1 - held]);
  },
);
