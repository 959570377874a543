import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runCommandLine, runDemo } from '../helpers/demo.ts';

let dataDir = '';
/** The month of the demo's last night. */
let month = '';
/** The books of a demo that was played to its end. */
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'callclear-money-'));
  const { status, said } = await runDemo(['--calls', '40', '--seed', '3', '--data', dataDir]);
  expect(status, said).toBe(0);
  const runs = z.array(z.looseObject({ date: z.string() }));
  const [last] = await answerOf(runs, 'schedule', 'list', '--pipeline', 'nightly-close', '--json');
  month = last?.date.slice(0, 7) ?? '';
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const callclear = (...args: string[]) => runCommandLine(['--data', dataDir, '--by', 'ann', ...args]);
async function answerOf<T>(schema: z.ZodType<T>, ...args: string[]): Promise<T> {
  const { status, out, err } = await callclear(...args);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return schema.parse(JSON.parse(out));
}

describe('money at the command line', () => {
  const named = z.array(z.looseObject({ account: z.string(), ownerId: z.uuid().nullable() }));
  const ownerOf = async (account: string) =>
    (await answerOf(named, 'ledger', 'balance')).find((one) => one.account === account)?.ownerId ?? '';

  test('is traced from a transfer of Stripe to its calls and back, for people and for programs', async () => {
    const link = z.looseObject({ link: z.string(), id: z.string().nullable(), state: z.string() });
    const traced = z.object({ id: z.string(), kind: z.string(), links: z.array(link) });
    const invoices = await answerOf(
      z.array(z.looseObject({ id: z.uuid() })),
      'invoices',
      'list',
      '--state',
      'paid',
    );
    const invoice = await answerOf(traced, 'trace', invoices.at(-1)?.id ?? '', '--json');
    const payout = invoice.links.find((one) => one.link === 'payout' && one.state === 'sent');
    const transfer = invoice.links.find((one) => one.link === 'transfer');
    expect(payout?.id).toBeDefined();
    const { kind, links } = await answerOf(traced, 'trace', transfer?.id ?? '', '--json');
    expect({ kind, links }).toMatchObject({ kind: 'transfer' });
    const call = links.find((one) => one.link === 'call');
    const text = (await callclear('trace', call?.id ?? '')).out;
    for (const part of [call?.id, 'score', 'journal', 'invoice', 'charge', 'balance_transaction', 'transfer'])
      expect(text).toContain(part);
  });

  test('is told in a month’s statement, as text, CSV and a page, in the same sums', async () => {
    const supplier = await ownerOf('supplier_pending');
    const sums = z.looseObject({
      kind: z.literal('supplier'),
      currencies: z.array(
        z.looseObject({ currency: z.string(), closingMinor: z.int(), lines: z.array(z.unknown()) }),
      ),
    });
    const { currencies } = await answerOf(sums, 'statement', supplier, '--month', month, '--json');
    const [part] = currencies;
    if (part === undefined) throw new Error('nothing was posted for the supplier');
    const closing = (part.closingMinor / 100).toFixed(2);
    const csv = (await callclear('statement', supplier, '--month', month, '--csv')).out.trim().split('\r\n');
    expect(csv[0]).toMatch(/^party,month,currency,date,what/);
    expect(csv.filter((row) => row.includes(`,${part.currency},`))).toHaveLength(part.lines.length + 2);
    expect(csv.find((row) => row.includes(`,${part.currency},,closing,`))).toMatch(
      new RegExp(`,${closing}$`),
    );
    for (const as of ['--html', '']) {
      const { out } = await callclear('statement', supplier, '--month', month, ...(as === '' ? [] : [as]));
      expect(out).toContain(closing);
      expect(out.startsWith('<!doctype html>')).toBe(as === '--html');
    }
  });

  test('is told of a day of Stripe’s balance, as text, CSV and a page, in the same sums', async () => {
    const moved = z.looseObject({ link: z.string(), atMs: z.int().nullable() });
    const [invoice] = await answerOf(
      z.array(z.looseObject({ id: z.uuid() })),
      'invoices',
      'list',
      '--state',
      'paid',
    );
    const { links } = await answerOf(
      z.object({ links: z.array(moved) }),
      'trace',
      invoice?.id ?? '',
      '--json',
    );
    const atMs = links.find(({ link }) => link === 'balance_transaction')?.atMs ?? 0;
    const date = new Date(atMs).toISOString().slice(0, 10);
    const report = (...as: string[]) => callclear('recon', 'report', '--date', date, ...as);
    const sums = z.looseObject({
      state: z.literal('frozen'),
      currencies: z.array(
        z.looseObject({ currency: z.string(), movements: z.int().positive(), matched: z.int() }),
      ),
      proof: z.array(
        z.object({ currency: z.string(), closingMinor: z.int(), stripeMinor: z.int().nullable() }),
      ),
    });
    const { currencies, proof } = await answerOf(sums, 'recon', 'report', '--date', date, '--json');
    expect(currencies.filter(({ movements, matched }) => movements !== matched)).toEqual([]);
    const [first] = proof;
    if (first === undefined) throw new Error('nothing moved on that day');
    expect(proof.map(({ stripeMinor }) => stripeMinor)).toEqual(
      proof.map(({ closingMinor }) => closingMinor),
    );
    const closing = (first.closingMinor / 100).toFixed(2);
    const { out: csv } = await report('--csv');
    expect(csv).toMatch(/^row,date,currency,what,/);
    expect(csv).toContain(`money,${date},${first.currency},at Stripe,,,,,${closing}`);
    for (const as of ['--html', '']) {
      const { out, status } = await report(...(as === '' ? [] : [as]));
      expect(status).toBe(0);
      expect(out).toContain(closing);
      expect(out.startsWith('<!doctype html>')).toBe(as === '--html');
    }
  });

  test.each([
    [['recon', 'report', '--date', '2026-02-30'], 'a date from 2000 on'],
    [['trace', 'tr_nobody'], 'TRACE_UNKNOWN'],
    [['statement', '00000000-0000-4000-8000-000000000000', '--month', '2026-11'], 'PARTY_UNKNOWN'],
    [['statement', '00000000-0000-4000-8000-000000000000', '--month', '2026-13'], 'a month from 2000 on'],
    [['statement', 'Ann', '--month', '2026-11'], 'an id as the log'],
  ])('is refused to %j with a word of why', async (args, why) => {
    const { status, out, err } = await callclear(...args);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toContain(why);
  });
});
