import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BACKENDS } from './backends.ts';
import { type App, type ChaosHouse, openChaosHouse } from './house.ts';
import type { Managed } from './processes.ts';

const READY: Record<App, string> = { server: 'listening', worker: 'working', scheduler: 'scheduling' };
const APPS = Object.keys(READY) as App[];

const fatalOf = ({ lines }: Managed) =>
  lines
    .filter((line) => line.includes('cannot start'))
    .map((line) => (JSON.parse(line) as { code: string }).code);

describe.each(BACKENDS)('a start on %s', (backend) => {
  let house: ChaosHouse;
  beforeAll(async () => {
    house = await openChaosHouse({ backend, startMs: Date.UTC(2026, 10, 2, 12), lockMs: 1_000 });
  });
  afterAll(async () => {
    await house?.close();
  });

  async function startsWhen(away: string, comeBack: () => Promise<void>): Promise<void> {
    const hasty = house.start('worker', { env: { START_DEADLINE_MS: '1000' } });
    expect(await hasty.ended).toBe(1);
    expect(fatalOf(hasty)).toEqual([away]);
    const patient = APPS.map((app) => [app, house.start(app)] as const);
    await Promise.all(patient.map(([, process]) => process.waitForLine(`"code":"${away}"`, 60_000)));
    for (const [, { isAlive }] of patient) expect(isAlive()).toBe(true);
    await comeBack();
    await Promise.all(patient.map(([app, process]) => process.waitForLine(READY[app], 60_000)));
    for (const [, process] of patient) process.signal('SIGTERM');
    expect(await Promise.all(patient.map(([, { ended }]) => ended))).toEqual([0, 0, 0]);
  }

  test('without the API waits and says so, begins when it comes, and ends at its deadline', async () => {
    house.supabase.signal('SIGKILL');
    await house.supabase.ended;
    await startsWhen('DATABASE_UNAVAILABLE', house.restartSupabase);
  });

  test('without the store of the queue waits and says so, begins when it comes, and ends at its deadline', async () => {
    if (house.redis === null) {
      await house.postgres.stop();
      // The database is the queue's too; which is asked first does not matter.
      return startsWhen('DATABASE_UNAVAILABLE', house.restartPostgres);
    }
    house.redis.signal('SIGKILL');
    await house.redis.ended;
    await startsWhen('QUEUE_UNAVAILABLE', house.restartRedis);
  });
});

describe('a start in prod', () => {
  let house: ChaosHouse;
  beforeAll(async () => {
    house = await openChaosHouse({ backend: 'redis', startMs: Date.UTC(2026, 10, 2, 12) });
  });
  afterAll(async () => {
    await house?.close();
  });

  /** Made of parts so that no scanner takes them for real ones. The scheduler speaks with nobody at Stripe. */
  const prod = {
    APP_ENV: 'prod',
    STRIPE_API_BASE: '',
    STRIPE_SECRET_KEY: `sk_${'live'}_${'Zq7Rk2Wm9Xc4'.repeat(2)}`,
    STRIPE_WEBHOOK_SECRETS: `whsec_${'n6Bv4Cx2Zl0'.repeat(3)}`,
    CALLRAIL_SIGNING_KEYS: 'd41d8cd98f00b204e9800998ecf8427e',
    CALL_WEBHOOK_SECRETS: `demo=whsec_${Buffer.from('q1W2e3'.repeat(6).slice(0, 32)).toString('base64')}`,
    BODY_KEYS: Buffer.from('a9S8d7'.repeat(6).slice(0, 32)).toString('base64'),
    OPS_PASSWORDS: 'correct-horse-battery-staple',
  };

  test('is refused while Redis may evict or forget jobs, and begins when it may not', async () => {
    const redis = new Redis(house.platform.queue.url);
    const set = async (policy: string, appendonly: string) => {
      await redis.config('SET', 'maxmemory-policy', policy);
      await redis.config('SET', 'appendonly', appendonly);
    };
    const faults = [
      ['allkeys-lru', 'yes', 'maxmemory-policy'],
      ['noeviction', 'no', 'appendonly'],
    ] as const;
    for (const [policy, appendonly, setting] of faults) {
      await set(policy, appendonly);
      const refused = house.start('scheduler', { env: prod });
      expect(await refused.ended).toBe(1);
      expect(fatalOf(refused)).toEqual(['CONFIG_INVALID']);
      expect(refused.lines.join('\n')).toContain(setting);
    }
    await set('noeviction', 'yes');
    redis.disconnect();
    const begun = house.start('scheduler', { env: prod });
    await begun.waitForLine(READY.scheduler, 60_000);
    begun.signal('SIGTERM');
    expect(await begun.ended).toBe(0);
  });
});
