import { spawnSync } from 'node:child_process';
import { PROJECT } from '../helpers/migrations.ts';
import { recordSkipped } from '../helpers/test-report.ts';
import type { Backend } from './house.ts';

/** Both, or PostgreSQL alone on a machine without a redis-server: then the end of the run says so, and CI fails. */
export const BACKENDS: readonly Backend[] = hasRedis() ? ['postgres', 'redis'] : ['postgres'];

function hasRedis(): boolean {
  if (spawnSync('redis-server', ['--version']).status === 0) return true;
  if (process.env.CI) throw new Error('CI needs a redis-server on the PATH.');
  recordSkipped(PROJECT, 'real processes with the queue on Redis: no redis-server');
  return false;
}
