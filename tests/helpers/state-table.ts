import pg from 'pg';
import { wrongIn } from './books.ts';
import type { House } from './house.ts';

export interface StateTable {
  /** Of the row that the table is about. */
  readonly id: string;
  /** What is read of the row after an event; $1 is its id. */
  readonly read: string;
  /** How each state is reached: statements, of which each may name the row as $1. */
  readonly states: Readonly<Record<string, readonly string[]>>;
  /** What may come then; the last statement's answer is the event's. */
  readonly events: Readonly<Record<string, readonly string[]>>;
}

/**
 * Tries every event in every state, each time from that state anew, and tells what came of it, a line for each pair:
 * `state | event | answer or code of the refusal | state then | journals posted`. Throws when the books are wrong then.
 */
export async function tryAll(house: House, { id, read, states, events }: StateTable): Promise<string[]> {
  const client = new pg.Client({ connectionString: house.db.adminUrl });
  await client.connect();
  const query = async (sql: string) =>
    (await client.query({ text: sql, rowMode: 'array', values: sql.includes('$1') ? [id] : [] })).rows;
  const now = async () => String((await query(read))[0]?.[0]);
  const sql: House['sql'] = async (text) => (await client.query(text)).rows;

  async function tryOne(event: readonly string[]): Promise<string[]> {
    await query('savepoint before');
    const [[newest]] = (await query('select coalesce(max(id), 0) from journals')) as [[string]];
    let answer = '';
    try {
      for (const statement of event) answer = wordOf((await query(statement))[0]?.[0]);
      // What is checked at the end of a transaction is checked now.
      await query('set constraints all immediate');
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      answer = error.hint ?? error.message;
      await query('rollback to before');
    }
    const posted = await query(
      `select string_agg(template || ' ' || (select max(value::bigint) from jsonb_each_text(amounts)), ', ' order by id)
       from journals where id > ${newest}`,
    );
    const wrong = await wrongIn(sql);
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    const line = [answer, await now(), String(posted[0]?.[0] ?? '')];
    await query('rollback to before');
    return line;
  }

  try {
    const lines: string[] = [];
    for (const [state, reached] of Object.entries(states)) {
      await query('begin');
      for (const statement of reached) await query(statement);
      for (const [name, event] of Object.entries(events)) {
        lines.push([state, name, ...(await tryOne(event))].join(' | ').trimEnd());
      }
      await query('rollback');
    }
    return lines;
  } finally {
    await client.end();
  }
}

/** What a function answers in words is told; that it answers with an object, or nothing, only says that it was taken. */
function wordOf(answer: unknown): string {
  return typeof answer === 'string' && answer !== ''
    ? answer
    : typeof answer === 'boolean'
      ? String(answer)
      : 'taken';
}
