import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../sandbox/database/embedded.ts';
import { demoBackends, runDemo, startDemo } from '../helpers/demo.ts';

const SAME_CALLS = ['--calls', '200', '--seed', '7'];
let dataDir = '';
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'callclear-e2e-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

describe.each(demoBackends())('the demo on $name', ({ flags }) => {
  test('plays three days to the end, pays suppliers, and its books pass the audit', async () => {
    const { result, status, said } = await runDemo([...SAME_CALLS, ...flags]);
    expect(result.audit, said).toEqual({ ok: true, failures: [] });
    expect(status).toBe(0);
    const { calls, ledger, billing, payouts, reconciliation } = result;
    // Five were reported by no webhook, and came from the log of their provider.
    expect(calls).toMatchObject({ sent: 200, lost: 5, accepted: 195, recovered: 5, stored: 200 });
    expect(calls).toMatchObject({ qualified: 165, takenBack: 1 });
    expect(calls.qualified + calls.rejected + calls.held).toBe(200);
    expect(calls.duplicatesSent).toBeGreaterThan(0);
    expect(ledger.debitsMinor).toEqual(ledger.creditsMinor);
    expect(ledger.unbalancedJournals).toBe(0);
    // Those on payment terms are not due yet; the card that was declined is mended.
    expect(billing.invoices - billing.paid).toBe(3);
    expect(payouts).toMatchObject({ sent: 22, duplicates: 0 });
    for (const currency of ['cad', 'usd'] as const) {
      expect(payouts.amountMinor[currency]).toBeGreaterThan(0);
      expect(payouts.pendingMinor[currency]).toBeGreaterThan(0);
    }
    expect(reconciliation.breaks).toBe(0);
    expect(result.deadLetters).toBe(0);
  });
});

describe('the demo with a data directory', () => {
  const args = () => ['--calls', '40', '--seed', '3', '--data', dataDir];

  test('that was played to its end finds everything there, and does nothing twice', async () => {
    const first = await runDemo(args());
    const again = await runDemo(args());
    expect({ ...again.result, seconds: null }).toEqual({ ...first.result, seconds: null });
    expect(again.status).toBe(0);
  });

  test('of other calls is refused, with the difference', async () => {
    const run = startDemo([...args(), '--seed', '4', '--exit']);
    expect((await run.ended).status).toBe(1);
    expect(run.said()).toContain('holds another demo: seed 3, not 4');
  });

  test('in which somebody changed a balance by hand ends with status 1 and names the promise', async () => {
    const database = await startEmbeddedPostgres({ dataDir: join(dataDir, 'database') });
    const client = new pg.Client({ connectionString: database.adminUrl });
    await client.connect();
    await client.query(
      `update ledger_accounts set balance_minor = balance_minor + 100 where kind = 'exchange_margin'`,
    );
    await client.end();
    await database.stop();
    const { result, status } = await runDemo(args());
    expect(result.audit.ok).toBe(false);
    expect(result.audit.failures.join('\n')).toContain('balance');
    expect(status).toBe(1);
  });
});

test.each([['--calls', '0'], ['--fraud', '1.5'], ['--seed', 'x'], ['--nonsense']])(
  'the demo refuses %s %s and says why',
  async (...args) => {
    const run = startDemo([...args, '--exit']);
    expect((await run.ended).status).toBe(1);
    expect(run.said()).toContain(args[0]);
  },
);
