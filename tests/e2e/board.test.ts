import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { validateEnvironment } from '../../src/config.ts';
import { scoreCalls } from '../../src/jobs/fraud/score-call.job.ts';
import { createLogger } from '../../src/log.ts';
import { openRuntime, type Part, type Runtime } from '../../src/runtime.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import { startWorker } from '../../src/worker.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

const PASSWORD = 'a-password-of-this-test';
let database: TestDatabase;
let runtime: Runtime;
let server: RunningServer;
let worker: Part;

beforeAll(async () => {
  database = await createTestDatabase();
  const config = validateEnvironment({
    PORT: '0',
    LOG_LEVEL: 'silent',
    OPS_PASSWORDS: PASSWORD,
    BODY_KEYS: Buffer.alloc(32, 7).toString('base64'),
  });
  const platform = {
    database: { url: database.lite.url, secretKey: database.lite.serviceKey, fetch: database.lite.fetch },
    queue: { kind: 'postgres', url: database.queueUrl },
    stripe: { secretKey: 'sk_test_board-not-a-secret', apiBase: 'http://127.0.0.1:9', livemode: false },
    clock: { nowMs: () => Date.now() },
  } as const;
  runtime = await openRuntime(config, platform, createLogger({ level: 'silent' }));
  worker = await startWorker(runtime);
  server = await startServer(runtime);
});

afterAll(async () => {
  await server?.close(1_000);
  await worker?.close(2_000);
  await runtime?.close();
  await database?.close();
});

const findWork = async (key: string) =>
  (await database.sql('select state, replays, result from work where key = $1', [key]))[0];

test('without the password the board shows nothing', async () => {
  const answer = await fetch(`${server.url}/ops/queues/api/queues`);
  expect(answer.status).toBe(401);
  expect(await answer.text()).not.toContain('fraud');
});

test('ops log in, see a failed job, and its retry is a replay with an audit line', async (context) => {
  const browser = await launchBrowser('the board in a browser');
  if (browser === null) return context.skip();
  const callId = randomUUID();
  await runtime.enqueuer.add(scoreCalls, { callId }, { dueAtMs: Date.now(), trace: 'board' });
  await vi.waitFor(async () => expect(await findWork(callId)).toMatchObject({ state: 'dead' }), {
    timeout: 60_000,
  });
  // What was missing appears, so that the retry succeeds.
  await database.sql(
    `insert into calls (id, source, external_id, tracking_number, started_at, duration_s, answered, facts_at, business_date,
       trace, made_at, changed_at)
     values ($1, 'board', 'b1', '+12025550100', now(), 90, true, now(), current_date, 'board', now(), now())`,
    [callId],
  );
  try {
    const page = await browser.newPage({
      httpCredentials: { username: 'ops', password: PASSWORD },
      viewport: { width: 1280, height: 800 },
    });
    await page.goto(`${server.url}/ops/queues/queue/fraud?status=failed`);
    await page.getByText('CALL_UNKNOWN').first().waitFor();
    await keepScreenshot(page);
    // The job's own buttons are icons without a name; the first is its retry.
    await page.locator('xpath=//button[contains(., "Clean all")]/following::button[1]').click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await vi.waitFor(
      async () => expect(await findWork(callId)).toMatchObject({ state: 'done', replays: 1 }),
      {
        timeout: 60_000,
      },
    );
  } finally {
    await browser.close();
  }
  const [line] = await database.sql(
    `select actor, action, detail from audit_log where action = 'work.replay'`,
  );
  expect(line).toMatchObject({ actor: 'ops (board)', detail: { reason: 'retried on the board' } });
});
