import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { demoDate, runCommandLine, runDemo } from '../helpers/demo.ts';

let dataDir = '';
/** The books of a demo that was played to its end. */
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'callclear-cli-'));
  const { status, said } = await runDemo(['--calls', '40', '--seed', '3', '--data', dataDir]);
  expect(status, said).toBe(0);
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const callclear = (...args: string[]) => runCommandLine(['--data', dataDir, '--by', 'ops', ...args]);
async function answerOf<T>(schema: z.ZodType<T>, ...args: string[]): Promise<T> {
  const { status, out, err } = await callclear(...args);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return schema.parse(JSON.parse(out));
}

const journals = z.array(z.looseObject({ template: z.string(), refs: z.record(z.string(), z.unknown()) }));
const disputes = z.array(z.looseObject({ call_id: z.uuid(), state: z.string() }));
const results = z.array(z.object({ callId: z.uuid(), result: z.string() }));

describe('the command line, on the books of a demo', () => {
  test('shows balances that sum to zero in each currency', async () => {
    const balances = await answerOf(
      z.array(z.looseObject({ account: z.string(), currency: z.string(), balanceMinor: z.int() })),
      ...['ledger', 'balance'],
    );
    expect(balances.map(({ account }) => account)).toContain('exchange_margin');
    expect(balances.reduce((sum, { balanceMinor }) => sum + balanceMinor, 0)).toBe(0);
  });

  test('decides a dispute that is open, and has the journals of its call', async () => {
    const [open] = await answerOf(disputes, 'disputes', 'list', '--state', 'open');
    const call = open?.call_id ?? '';
    const decide = (...how: string[]) =>
      answerOf(results, 'disputes', ...how, call, '--reason', 'listened to it');
    expect(await decide('deny')).toEqual([{ callId: call, result: 'denied' }]);
    expect(await decide('approve')).toEqual([{ callId: call, result: 'not_open' }]);
    const [journal] = await answerOf(journals, 'ledger', 'journal', call);
    expect(journal).toMatchObject({ template: 'call', refs: { callId: call } });

    const asked = z.object({ id: z.uuid(), asked: z.boolean(), state: z.string() });
    const adjust = ['ledger', 'adjust', call, '--reason', 'fraud was found'];
    expect(await answerOf(asked, ...adjust)).toMatchObject({ asked: true, state: 'waiting' });
    expect(await answerOf(asked, ...adjust)).toMatchObject({ asked: false });
    const waiting = await answerOf(z.array(z.looseObject({ callId: z.uuid() })), 'ledger', 'waiting');
    expect(waiting.map(({ callId }) => callId)).toEqual([call]);
  });

  test('lists invoices, and shows one with its lines and its journals', async () => {
    const listed = z.array(z.looseObject({ id: z.uuid(), state: z.string(), dueAt: z.string().nullable() }));
    const [invoice] = await answerOf(listed, 'invoices', 'list', '--state', 'open');
    expect(invoice?.dueAt).not.toBeNull();
    const shown = z.looseObject({
      lines: z.array(z.unknown()).min(1),
      journals: z.array(z.unknown()).min(1),
    });
    await answerOf(shown, 'invoices', 'show', invoice?.id ?? '');
    expect(await answerOf(z.array(z.unknown()), 'invoices', 'overdue')).toEqual([]);
  });

  test('says what stands in the way of a payout, and lets a held supplier go', async () => {
    const previews = z.array(
      z.looseObject({
        supplierId: z.uuid(),
        waitsFor: z.string().nullable(),
        heldReason: z.string().nullable(),
      }),
    );
    const date = await demoDate(dataDir, 3);
    const held = (await answerOf(previews, 'payouts', 'preview', '--date', date)).find(
      ({ waitsFor }) => waitsFor === 'supplier_held',
    );
    expect(held?.heldReason).toBe('a call looks staged');
    const release = ['payouts', 'release', '--supplier', held?.supplierId ?? '', '--reason', 'it was real'];
    expect(await answerOf(z.unknown(), ...release)).toEqual({ changed: true, status: 'active' });
    expect(await answerOf(z.unknown(), ...release)).toEqual({ changed: false, status: 'active' });
  });

  test('reviews a held call: tells which, and decides it once', async () => {
    const queue = z.array(
      z.looseObject({
        ...{ callId: z.uuid(), supplierId: z.uuid(), owedMinor: z.int() },
        reasons: z.array(z.looseObject({ signal: z.string() })),
      }),
    );
    const [held] = await answerOf(queue, 'review', 'list', '--json', '--signal', 'anonymous-caller');
    const call = held?.callId ?? '';
    const { out } = await callclear('review', 'list');
    expect(out).toMatch(new RegExp(`${call} .*the caller withheld the number \\(45\\)`));
    const meant = z.object({ dryRun: z.literal(true), calls: z.array(z.looseObject({ callId: z.uuid() })) });
    const all = ['--all', '--supplier', held?.supplierId ?? '', '--reason', 'heard'];
    expect((await answerOf(meant, 'review', 'approve', ...all, '--dry-run')).calls).toMatchObject([
      { callId: call },
    ]);
    const decided = z.object({ ok: z.literal(true), results: z.record(z.string(), z.string()) });
    const approve = () => answerOf(decided, 'review', 'approve', ...all);
    expect((await approve()).results).toEqual({ [call]: 'scored_again' });
    expect((await approve()).results).toEqual({});
    expect(await callclear('review', 'reject', '--reason', 'which?')).toMatchObject({
      status: 1,
      err: expect.stringContaining('Name calls, or say --all'),
    });
  });

  test('snoozes a signal for one of the three, shows it, ends it, and refuses one that is not known', async () => {
    const until = ['--until', '2100-01-01', '--reason', 'a spot'];
    const snooze = (...how: string[]) => callclear('fraud', 'snooze', ...how, ...until);
    const caller = ['--caller', '+12127361234'];
    const made = await snooze('--signal', 'ramp', ...caller);
    expect(made).toMatchObject({ status: 0, out: expect.stringContaining('"ok": true') });
    expect((await callclear('fraud', 'snoozes')).out).toMatch(/ramp +caller \+12127361234 +2100-01-01 00:00/);
    const end = ['fraud', 'snoozes', '--end', '1', '--reason', 'it is over'];
    expect(await answerOf(z.unknown(), ...end)).toEqual({ ok: true, id: 1 });
    expect((await callclear('fraud', 'snoozes')).out).toBe('No signal is snoozed.\n');
    for (const wrong of [
      ['--signal', 'no-such-signal', ...caller],
      ['--signal', 'ramp'],
      ['--signal', 'ramp', '--caller', 'somebody'],
    ])
      expect(await snooze(...wrong), wrong.join(' ')).toMatchObject({ status: 1, out: '' });
  });

  test('says how a supplier stands, and by whom', async () => {
    const [{ supplierId } = { supplierId: '' }] = await answerOf(
      z.array(z.looseObject({ supplierId: z.uuid() })),
      ...['payouts', 'preview', '--date', await demoDate(dataDir, 3)],
    );
    expect((await callclear('fraud', 'suppliers')).out).toBe('Every supplier is active.\n');
    const set = ['fraud', 'supplier', supplierId, '--standing', 'paused', '--reason', 'staged calls'];
    expect(await answerOf(z.unknown(), ...set)).toEqual({ ok: true, id: supplierId });
    expect((await callclear('fraud', 'suppliers')).out).toMatch(/ paused .* ops +staged calls/);
  });

  test('lists no break of a clean exchange', async () => {
    expect(await answerOf(z.array(z.unknown()), 'recon', 'list', '--json')).toEqual([]);
    expect(await callclear('recon', 'list')).toMatchObject({ status: 0, out: 'No break.\n' });
  });

  test('watches until it is interrupted, and ends in order; or only tells how much stands open', async () => {
    const open = z.strictObject({
      ...{ at: z.iso.datetime(), event: z.literal('open'), breaks: z.int(), calls: z.int() },
      ...{ letters: z.int(), proposals: z.int() },
    });
    const { at: _at, ...counts } = await answerOf(open, 'watch', '--once', '--json');
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const { status, out, err } = await runCommandLine(['--data', dataDir, 'watch', '--json'], {}, signal);
      expect({ status, err }).toEqual({ status: 0, err: '' });
      expect(open.parse(JSON.parse(out))).toMatchObject(counts);
    }
  });

  test('imports a bank statement once, tells before what it would do, and shows what is from Stripe', async () => {
    const file = join(dataDir, 'statement.csv');
    await writeFile(
      file,
      'Tag;Betrag;Text;Saldo\n04.11.2026;1234,56;STRIPE PAYMENTS;1300,00\n05.11.2026;-0,50;fee;1299,50\n',
    );
    const load = [
      'bank',
      'import',
      file,
      '--account',
      'main',
      '--currency',
      'usd',
      '--delimiter',
      'semicolon',
    ];
    load.push(
      '--decimal',
      'comma',
      '--dates',
      'DD.MM.YYYY',
      '--columns',
      'date=Tag,amount=Betrag,description=Text,balance=Saldo',
    );
    const answer = z.looseObject({ added: z.int(), lines: z.int(), isDry: z.boolean() });
    expect(await answerOf(answer, ...load, '--dry-run', '--json')).toMatchObject({
      added: 2,
      lines: 2,
      isDry: true,
    });
    expect(await callclear(...load)).toMatchObject({
      status: 0,
      out: expect.stringContaining('Imported 2 of 2 entries'),
    });
    expect(await callclear(...load)).toMatchObject({
      status: 0,
      out: expect.stringContaining('Imported 0 of 2 entries'),
    });
    const { out } = await callclear('bank', 'list');
    expect(out).toContain('No payout of the platform.');
    expect(out).toMatch(/main +2026-11-04 +1234\.56 USD +STRIPE PAYMENTS/);
    expect(out).not.toContain('0.50');
    const wrong = await callclear('bank', 'import', file, '--account', 'main', '--currency', 'usd');
    expect(wrong).toMatchObject({ status: 1, err: expect.stringContaining('BANK_FILE_REFUSED') });
  });

  test('tries rules before they decide, and refuses a faulty file with each fault while those that decide stay', async () => {
    const sets = z.array(z.looseObject({ version: z.int(), state: z.string(), note: z.string() }));
    const list = () => answerOf(sets, 'fraud', 'rules', 'list', '--json');
    const before = await list();
    const running = before.find(({ state }) => state === 'running');
    const rules = await answerOf(
      z.looseObject({ default: z.looseObject({ weights: z.record(z.string(), z.int()) }) }),
      ...['fraud', 'rules', 'show', String(running?.version)],
    );
    const file = join(dataDir, 'rules.json');
    await writeFile(file, JSON.stringify(rules));
    const period = ['--from', await demoDate(dataDir, 0), '--to', await demoDate(dataDir, 3)];
    const tested = z.looseObject({ calls: z.int().min(30), changes: z.array(z.unknown()) });
    const backtest = ['fraud', 'backtest', '--rules', file, ...period];
    expect((await answerOf(tested, ...backtest, '--json')).changes).toEqual([]);

    const { 'own-number': _forgotten, ...weights } = rules.default.weights;
    await writeFile(
      file,
      JSON.stringify({ default: { ...rules.default, weights: { ...weights, moon: 1 } } }),
    );
    const add = ['fraud', 'rules', 'add', file, '--note', 'a try'];
    const refused = await callclear(...add);
    expect(refused).toMatchObject({ status: 1, out: '' });
    for (const fault of ['RULES_INVALID', 'default.weights.own-number', 'default.weights.moon'])
      expect(refused.err).toContain(fault);
    expect(await list()).toEqual(before);

    const all = Object.fromEntries(Object.keys(rules.default.weights).map((signal) => [signal, 100]));
    const stricter = { ...rules.default, weights: all, thresholds: { holdAt: 1, rejectAt: 1 } };
    await writeFile(file, JSON.stringify({ default: stricter }));
    const { version } = await answerOf(z.looseObject({ version: z.int() }), ...add);
    expect((await callclear(...backtest)).out).toMatch(/approved → rejected|held → rejected/);
    const use = (word: string) => ['fraud', 'rules', word, String(version), '--reason', 'a try'];
    expect(await answerOf(z.unknown(), ...use('shadow'))).toEqual({
      version,
      state: 'shadow',
      changed: true,
    });
    expect((await callclear('fraud', 'shadow', ...period)).out).toContain('0 of 0 calls');
    expect(await answerOf(z.unknown(), ...use('promote'))).toMatchObject({ state: 'running', changed: true });
    const [newest, ...others] = await list();
    expect(newest).toMatchObject({ version, state: 'running', author: 'ops', note: 'a try' });
    expect(others.every(({ state }) => state === 'retired')).toBe(true);
    expect(await callclear(...use('retire'))).toMatchObject({
      status: 1,
      err: expect.stringContaining('RULES_IN_USE'),
    });
    expect((await callclear('fraud', 'report', ...period)).out).toMatch(
      /calls, of which people called \d+ bad/,
    );
  });

  test.each([
    [
      ['bank', 'import', '/dev/null', '--account', 'main', '--columns', 'sum=x'],
      'It must be like date=Booked',
    ],
    [
      ['bank', 'import', '/dev/null', '--account', 'main', '--format', 'mt940'],
      'Allowed choices are csv, camt053',
    ],
    [['recon', 'resolve', 'movement:txn_none', '--reason', 'of the shop'], 'BREAK_UNKNOWN'],
    [['recon', 'show', 'movement:txn_none'], 'BREAK_UNKNOWN'],
    [['recon', 'ignore', 'movement:txn_none', '--reason', 'a cent'], 'BREAK_UNKNOWN'],
    [['recon', 'resolve', 'movement:txn_none', '--reason', ' '], 'a reason'],
    [['recon', 'approve', '00000000-0000-4000-8000-000000000000', '--reason', 'x'], 'RESOLUTION_UNKNOWN'],
    [['ledger', 'adjust', 'no-id', '--reason', 'x'], 'an id as the log and the board show it'],
    [['ledger', 'adjust', '00000000-0000-4000-8000-000000000000', '--reason', 'x'], 'CALL_UNKNOWN'],
    [['ledger', 'approve', '00000000-0000-4000-8000-000000000000', '--reason', 'x'], 'ADJUSTMENT_UNKNOWN'],
    [['disputes', 'open', '00000000-0000-4000-8000-000000000000', '--reason', ' '], 'a reason'],
    [['invoices', 'show', '00000000-0000-4000-8000-000000000000'], 'INVOICE_UNKNOWN'],
    [['fraud', 'rules', 'promote', '99', '--reason', 'x'], 'RULES_UNKNOWN'],
    [['fraud', 'report', '--from', '2026-11-02', '--to', '2026-11-01'], 'PERIOD_INVALID'],
    [['fraud', 'rules', 'show', 'newest'], 'the version of a set of rules'],
    [['payouts', 'preview', '--date', '26-1-1'], 'a date from 2000 on'],
  ])('refuses %j with a word of why, and ends with status 1', async (args, why) => {
    const { status, out, err } = await callclear(...args);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toContain(why);
  });
});
