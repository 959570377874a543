import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Job } from '../jobs/define-job.ts';
import { connectQueues, DEAD_LETTERS, QUEUE_NAMES, type QueueBackend } from './connection.ts';

interface BoardOptions {
  readonly backend: QueueBackend;
  readonly jobs: readonly Job[];
  /** Where the plugin is mounted, such as `/ops/queues`. */
  readonly basePath: string;
}

export interface Board {
  readonly plugin: ReturnType<FastifyAdapter['registerPlugin']>;
  close(deadlineMs: number): Promise<void>;
}

type ServerAdapter = Parameters<typeof createBullBoard>[0]['serverAdapter'];

/**
 * Bull Board over every queue and the dead letters, as a Fastify plugin; who may see it is decided where it is mounted.
 *
 * Payloads are never shown, only their envelope. Its retry button is off for the failed: a dead letter is replayed by
 * our own action, which leaves an audit line and goes through the row.
 */
export async function createBoardPlugin({ backend, jobs, basePath }: BoardOptions): Promise<Board> {
  const connection = connectQueues(backend, { role: 'producer' }, () => {});
  const adapters: BullMQAdapter[] = [];
  for (const name of [...QUEUE_NAMES, DEAD_LETTERS]) {
    const names = jobs.filter(({ queue }) => queue === name).map((job) => job.name);
    const adapter = new BullMQAdapter(await connection.queue(name), {
      readOnlyMode: false,
      allowRetries: false,
      description: names.join(', '),
    });
    if (name !== DEAD_LETTERS) adapter.setFormatter('data', hidePayload);
    adapters.push(adapter);
  }
  const server = new FastifyAdapter();
  server.setBasePath(basePath);
  // The two packages of the board ship the same types twice, which TypeScript holds apart.
  createBullBoard({ queues: adapters, serverAdapter: server as unknown as ServerAdapter });
  return { plugin: server.registerPlugin(), close: (deadlineMs) => connection.close(deadlineMs) };
}

function hidePayload(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return null;
  const { v, trace, dueAtMs, generation, key } = data as Record<string, unknown>;
  return { v, trace, dueAtMs, generation, key, payload: '(not shown)' };
}
