import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { isUndone } from '../../src/errors.ts';
import { Away, handleApiError, Refused, unsent } from '../../src/integrations/api-errors.ts';
import { nextStep } from '../../src/jobs/campaigns/next-step.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW_MS = Date.UTC(2026, 10, 2, 12);
const PUSH = {
  ...{ priceMinor: 4_000, shareMinor: 2_800, sends: 0, sentAtMs: null, madeMs: NOW_MS },
  ...{ hadBefore: false, looseMs: null },
};
const TOLD = { priceMinor: 4_000, shareMinor: 2_800, isVoid: false, isDouble: false };
const OTHER = { ...TOLD, priceMinor: 0, shareMinor: 0 };
const sentAgo = (ms: number, sends = 1) => ({ ...PUSH, sends, sentAtMs: NOW_MS - ms });
type Push = Parameters<typeof nextStep>[0];
type Shown = Parameters<typeof nextStep>[1];
const step = (push: Push, shown: Shown, isSlow = true) => nextStep(push, shown, isSlow, NOW_MS);

const SEND = { kind: 'send' };
const SENT = { kind: 'end', end: 'sent' };
const refused = (code: string) => ({ kind: 'end', end: 'refused', code });
const wait = (delayMs: number, reason = 'not_shown_yet') => ({ kind: 'wait', delayMs, reason });

describe('what is done of a push', () => {
  test.each<[string, Push, Shown, object]>([
    ['is sent where the platform has none', PUSH, null, SEND],
    ['is sent where it has something else', PUSH, OTHER, SEND],
    ['is told where it has that', PUSH, TOLD, SENT],
    ['is told where it has that after a send', sentAgo(0), TOLD, SENT],
    ['is no conversion made again for four hours', sentAgo(4 * HOUR_MS - 1), null, wait(1)],
    ['is looked for each minute at first', sentAgo(MINUTE_MS), null, wait(MINUTE_MS)],
    ['is looked for each ten minutes then', sentAgo(HOUR_MS), null, wait(10 * MINUTE_MS)],
    ['is made again after four hours', sentAgo(4 * HOUR_MS), null, SEND],
    ['is made five times at most', sentAgo(4 * HOUR_MS, 5), null, refused('never_shown')],
    ['is an amount sent again after ten minutes', sentAgo(10 * MINUTE_MS), OTHER, SEND],
    ['is no amount sent again before', sentAgo(10 * MINUTE_MS - 1), OTHER, wait(1)],
    ['is an amount sent five times at most', sentAgo(10 * MINUTE_MS, 5), OTHER, refused('never_shown')],
    [
      'is never made where the platform had one',
      { ...PUSH, hadBefore: true, madeMs: NOW_MS - HOUR_MS },
      null,
      wait(10 * MINUTE_MS),
    ],
    [
      'is for a person where it has none any more',
      { ...PUSH, hadBefore: true, madeMs: NOW_MS - 4 * HOUR_MS },
      null,
      refused('vanished'),
    ],
    ['is for a person where it is rejected', PUSH, { ...TOLD, isVoid: true }, refused('rejected_there')],
    [
      'is told where nothing is owed and it is rejected',
      { ...PUSH, priceMinor: 0, shareMinor: 0 },
      { ...TOLD, isVoid: true },
      SENT,
    ],
    ['is for a person where it has two', PUSH, { ...TOLD, isDouble: true }, refused('made_twice')],
    [
      'is looked at again while an older request may come',
      { ...PUSH, looseMs: NOW_MS - HOUR_MS + 1 },
      TOLD,
      wait(1, 'may_change'),
    ],
    ['is told when none can come any more', { ...PUSH, looseMs: NOW_MS - HOUR_MS }, TOLD, SENT],
  ])('it %s', (_, push, shown, expected) => {
    expect(step(push, shown)).toEqual(expected);
  });

  test('one that shows at once is told again after a minute, then two, and so on', () => {
    const waits = [1, 2, 3, 4].map((sends) => step(sentAgo(0, sends), OTHER, false));
    expect(waits).toEqual(waits.map(() => wait(MINUTE_MS)));
    for (const sends of [1, 2, 3, 4])
      expect(step(sentAgo(sends * MINUTE_MS, sends), null, false)).toEqual(SEND);
    expect(step(sentAgo(5 * MINUTE_MS, 5), null, false)).toEqual(refused('never_shown'));
  });
});

describe('whether a request came to nothing', () => {
  const failed = (cause: unknown) => new Away(handleApiError('everflow', 'x', cause), null).outage();
  const answered = (statusCode: number) => new Refused({ statusCode, code: null, waitMs: null });

  test('is known of one that reached nobody, or came too often', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const refusedThere = await fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error);
    expect(
      [unsent('everflow', 'x', 'no_turn'), failed(answered(429)), failed(refusedThere)].map(isUndone),
    ).toEqual([true, true, true]);
  });

  test('is not known of one that was sent', () => {
    const late = new DOMException('late', 'TimeoutError');
    const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    expect([failed(answered(500)), failed(late), failed(reset), undefined].map(isUndone)).toEqual([
      ...[false, false, false, false],
    ]);
  });
});
