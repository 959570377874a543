import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { untilTaken } from './killer.ts';
import type { Scene } from './scene.ts';

const MOST_LINES = 60;

/** Everything that is known about one id: a call's `source/external id`, or the id of a call, invoice or payout. */
export async function tellHistory(scene: Scene, id: string): Promise<string> {
  const { sql } = scene;
  const rows = (await sql<{ line: string }>(HISTORY, [id])).map(({ line }) => line);
  const traces = rows.flatMap((line) =>
    [...line.matchAll(/"trace" ?: ?"([^"]+)"/g)].map(([, trace]) => trace ?? ''),
  );
  const wanted = [id, ...new Set(traces)].filter((text) => text !== '');
  const has = (line: string) => wanted.some((text) => line.includes(text));
  return [
    `history of ${id}`,
    ...rows,
    ...(await readSimulator(scene)).filter(has),
    ...(await readLogs(scene)).filter(has),
  ]
    .slice(0, MOST_LINES)
    .join('\n  ');
}

async function readSimulator({ house }: Scene): Promise<string[]> {
  const lines: string[] = [];
  const read = (path: string) =>
    untilTaken(() => house.control('GET', path)) as Promise<Record<string, unknown>>;
  for (const kind of ['transfer', 'invoice', 'event']) {
    const { data } = await read(`/_sim/state?kind=${kind}`);
    for (const one of Array.isArray(data) ? data : []) lines.push(`stripe ${kind} ${JSON.stringify(one)}`);
  }
  const { requests } = await read('/_sim/state');
  for (const one of Array.isArray(requests) ? requests : [])
    lines.push(`stripe request ${JSON.stringify(one)}`);
  return lines;
}

async function readLogs({ house }: Scene): Promise<string[]> {
  const folder = join(house.dataDir, 'logs');
  const lines: string[] = [];
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), 'utf8');
    lines.push(...text.split('\n').map((line) => `${name}: ${line}`));
  }
  return lines;
}

const HISTORY = `
  with c as (select * from calls where id::text = $1 or source || '/' || external_id = $1)
  select 'call ' || to_jsonb(c)::text as line from c
  union all select 'event ' || (to_jsonb(e) - 'body_sealed')::text from webhook_events e where e.trace in (select trace from c)
  union all select 'work ' || (to_jsonb(w) - 'payload')::text from work w where w.key = $1 or w.key in (select id::text from c)
  union all select 'invoice ' || to_jsonb(i)::text from invoices i where i.id::text = $1
  union all select 'payout ' || to_jsonb(p)::text from payouts p where p.id::text = $1
  union all select 'attempt ' || to_jsonb(a)::text from attempts a where a.subject_id::text = $1
  union all select 'journal ' || to_jsonb(j)::text from journals j where j.refs::text like '%' || $1 || '%'
    or j.refs ->> 'callId' in (select id::text from c)`;
