import { expect, it } from 'vitest';
import { OutageError, PermanentError } from '../../../src/errors.ts';
import { done, skip } from '../../../src/jobs/define-job.ts';
import { testJob } from '../../helpers/queue-house.ts';
import { type Fixture, until } from './fixture.ts';

export function describeRowsAndLetters({ given, open, inspect, jobOf, letterIds }: Fixture): void {
  it('the same work is added once while it is remembered, and again under its next generation', async () => {
    let runs = 0;
    const { enqueuer, startWorkers, told, item } = open([
      testJob(async () => {
        runs += 1;
        return done();
      }),
    ]);
    await enqueuer.addMany([item('a'), item('a'), item('a')]);
    await startWorkers();
    await until(() => expect(told('completed')).toHaveLength(1));
    await enqueuer.addMany([item('a'), item('b')]);
    await until(() => expect(told('completed')).toHaveLength(2));
    expect(runs).toBe(2);
    await enqueuer.addMany([{ ...item('a'), generation: 2 }]);
    await until(() => expect(runs).toBe(3));
  });

  it('a replayed letter runs under the next generation once, though two operators replay it at once', async () => {
    let broken = true;
    let good = 0;
    const { enqueuer, startWorkers, letters, work, told, put, item } = open([
      testJob(async () => {
        if (broken) throw new PermanentError('CALL_UNKNOWN', 'not yet');
        good += 1;
        return done();
      }),
    ]);
    put('a');
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    // Not for its letter, which comes before the row.
    await until(() => expect(told('dead')).toHaveLength(1));
    broken = false;
    const [dead] = await work.listDead({ afterId: null, limit: 10 });
    const id = dead?.id ?? '';
    const decisions = await Promise.all(
      ['ann', 'bob'].map((by) => letters.replay({ id, by, reason: 'fixed' })),
    );
    expect(decisions.toSorted()).toEqual([false, true]);
    await until(() => expect(work.row('calls.test', 'a')).toMatchObject({ state: 'done', generation: 2 }));
    expect([good, work.audit.length, told('dead').length]).toEqual([1, 1, 1]);
    expect(await letters.listLetterIds(10)).toEqual([]);
    await expect(letters.replay({ id: 'none', by: 'ann', reason: '' })).rejects.toMatchObject({
      code: 'LETTER_UNKNOWN',
    });
  });

  it('a letter whose payload no longer fits is replayed with another one only, and keeps its key', async () => {
    const strict = testJob(async ({ body }) => (body === 'right' ? done() : skip('WRONG')), {
      sealed: ['body'],
    });
    const of = open([strict]);
    const { letters, work, item, startWorkers } = of;
    const death = {
      code: 'PAYLOAD_INVALID',
      message: 'm',
      attempts: 1,
      tries: [],
      payloadVersion: 1,
    } as const;
    await letters.bury({ ...item('a'), payload: { id: 'a', body: 7 }, ...death, durationMs: 0 });
    const [dead] = await work.listDead({ afterId: null, limit: 10 });
    const id = dead?.id ?? '';
    const decision = { id, by: 'ann', reason: 'mended' };
    await expect(letters.replay(decision)).rejects.toMatchObject({
      ...{ code: 'PAYLOAD_INVALID', message: 'calls.test: body invalid_type' },
    });
    expect(await letters.readPayload(id)).toEqual({
      ...{ payload: { id: 'a', body: 7 }, fault: 'calls.test: body invalid_type' },
    });
    expect(await letterIds(of)).toHaveLength(1);
    await startWorkers();
    expect(await letters.replay({ ...decision, payload: { id: 'a', body: 'right' } })).toBe(true);
    await until(() => expect(work.row('calls.test', 'a')).toMatchObject({ state: 'done', result: 'done' }));
    expect(JSON.stringify(work.row('calls.test', 'a'))).not.toContain('right');
    expect(await letterIds(of)).toEqual([]);
  });

  it('a discarded letter is gone from rows, letters and failed jobs, and no sweep brings it back', async () => {
    const { enqueuer, startWorkers, letters, sweeper, work, put, item, told } = open([
      testJob(async () => {
        throw new PermanentError('CALL_UNKNOWN', 'never');
      }),
    ]);
    put('a');
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('dead')).toHaveLength(1));
    const [dead] = await work.listDead({ afterId: null, limit: 10 });
    const id = dead?.id ?? '';
    const decisions = await Promise.all(
      ['ann', 'bob'].map((by) => letters.discard({ id, by, reason: 'spam' })),
    );
    expect(decisions.toSorted()).toEqual([false, true]);
    expect(await jobOf('a')).toBeUndefined();
    await sweeper.sweep();
    expect(work.row('calls.test', 'a')?.state).toBe('discarded');
    expect(await letters.listLetterIds(10)).toEqual([]);
  });

  it('all rows come back after the queue has lost everything, and each is done once', async () => {
    const runs = new Map<string, number>();
    const of = open([
      testJob(async ({ id }) => {
        runs.set(id, (runs.get(id) ?? 0) + 1);
        return done();
      }),
    ]);
    const { work, put, dispatcher, sweeper, advance, startWorkers } = of;
    const ids = Array.from({ length: 300 }, (_, n) => `r${n}`);
    put(...ids);
    await dispatcher.dispatch();
    await given().lose();
    expect((await sweeper.sweep()).addedAgain).toBe(0);
    advance(61_000);
    expect((await sweeper.sweep()).addedAgain).toBe(300);
    advance(61_000);
    expect((await sweeper.sweep()).addedAgain).toBe(0);
    await startWorkers();
    await until(() => expect([...work.rows.values()].every(({ state }) => state === 'done')).toBe(true));
    expect([...runs.values()].every((count) => count === 1)).toBe(true);
  });

  it('a row that the queue remembers as completed runs again under a new generation', async () => {
    let runs = 0;
    const { enqueuer, startWorkers, work, put, item, sweeper, advance, told } = open([
      testJob(async () => {
        runs += 1;
        return done();
      }),
    ]);
    await startWorkers();
    await enqueuer.addMany([item('a')]);
    await until(() => expect(told('completed')).toHaveLength(1));
    put('a');
    advance(61_000);
    await until(async () => {
      const state = await inspect(async (connection) =>
        (await connection.queue('calls')).getJobState('calls.test.a.1'),
      );
      expect(state).toBe('completed');
    });
    await sweeper.sweep();
    await until(() => expect(work.row('calls.test', 'a')).toMatchObject({ state: 'done', generation: 2 }));
    expect(runs).toBe(2);
  });

  it('rows, failed jobs and letters are made to agree whatever of them is missing', async () => {
    const of = open([
      testJob(async () => {
        throw new PermanentError('CALL_UNKNOWN', 'never');
      }),
    ]);
    const { enqueuer, startWorkers, work, put, item, letters, sweeper, events, told } = of;
    put('a', 'b');
    await startWorkers();
    // The row cannot be written when the job fails; the letter stands in the queue's own store.
    work.outage = new OutageError('DATABASE_UNAVAILABLE', 'away');
    await enqueuer.addMany([item('a'), item('b')]);
    await until(() => expect(events.filter((event) => event.kind === 'bury-failed')).toHaveLength(2));
    expect(await letterIds(of)).toHaveLength(2);
    expect(await letters.removeStale('calls.test.b.1', 60_000)).toBe(false);
    work.outage = null;
    expect(await sweeper.sweep()).toMatchObject({ buried: 2 });
    expect(told('dead')).toHaveLength(2);
    expect(await letterIds(of)).toHaveLength(2);

    expect(await letters.removeStale('calls.test.a.1', 0)).toBe(true);
    await letters.addLetter({
      job: 'x',
      key: 'y',
      generation: 1,
      code: 'c',
      message: 'm',
      attempts: 1,
      failedAtMs: 1,
    });
    expect(await sweeper.sweep()).toMatchObject({ buried: 0, lettersAdded: 1, lettersRemoved: 1 });
    expect((await letterIds(of)).toSorted()).toEqual(['calls.test.a.1', 'calls.test.b.1']);
    await given().lose();
    expect(await sweeper.sweep()).toMatchObject({ buried: 0, lettersAdded: 2 });
    expect(told('dead')).toHaveLength(2);
  });

  it('a row that can never be queued is a dead letter instead of coming back for ever', async () => {
    const { work, dispatcher, item, told } = open([testJob(async () => done())]);
    work.put({ ...item('a'), payload: { id: 7 } });
    await dispatcher.dispatch();
    expect(work.row('calls.test', 'a')?.death?.code).toBe('PAYLOAD_INVALID');
    expect(told('dead')).toHaveLength(1);
  });
}
