import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { Kind, Kinds } from './objects.ts';
import { missing } from './refusal.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_customer ON objects (kind, json_extract(body, '$.customer'));
CREATE INDEX IF NOT EXISTS objects_group ON objects (kind, json_extract(body, '$.transfer_group'));
CREATE INDEX IF NOT EXISTS objects_invoice ON objects (kind, json_extract(body, '$.invoice'));
CREATE TABLE IF NOT EXISTS balances (
  currency TEXT PRIMARY KEY, available INTEGER NOT NULL, pending INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS account_balances (
  account TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL, due INTEGER, PRIMARY KEY (account, currency)
) STRICT;
CREATE INDEX IF NOT EXISTS account_balances_due ON account_balances (due);
CREATE TABLE IF NOT EXISTS arriving (payout TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
-- Payouts of the platform that are on their way, and what the automatic ones are made of.
CREATE TABLE IF NOT EXISTS leaving (payout TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS payout_items (txn TEXT PRIMARY KEY, payout TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS payout_items_payout ON payout_items (payout);
CREATE INDEX IF NOT EXISTS objects_bank ON objects (kind, json_extract(body, '$.destination'));
CREATE TABLE IF NOT EXISTS pending (txn TEXT PRIMARY KEY, available_on INTEGER NOT NULL) STRICT;
-- Debits of bank accounts that the bank has not answered.
CREATE TABLE IF NOT EXISTS debits (intent TEXT PRIMARY KEY, answers_on INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS keys (
  key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, params TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL, delivered INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (delivered, next_ms);
CREATE TABLE IF NOT EXISTS requests (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, key TEXT, status INTEGER NOT NULL, replayed INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

interface Range {
  gt?: number | undefined;
  gte?: number | undefined;
  lt?: number | undefined;
  lte?: number | undefined;
}

/** A page of one kind, newest first. */
interface Query {
  equals?: Record<string, string | undefined>;
  anyOf?: { field: string; values: readonly string[] } | undefined;
  created?: Range | undefined;
  limit: number;
  starting_after?: string | undefined;
  ending_before?: string | undefined;
}

export type Store = ReturnType<typeof openStore>;

/** Opens (or makes) the file. What is committed is on the disk: a SIGKILL at any instant loses nothing of it. */
export function openStore(dataDir: string) {
  mkdirSync(dataDir, { recursive: true });
  const db = new DatabaseSync(join(dataDir, 'stripe.sqlite'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;');
  db.exec(SCHEMA);
  const sql = openSql(db);
  return {
    ...sql,
    ...openObjects(sql),
    meta(name: string): string | null {
      const row = sql.rows('SELECT value FROM meta WHERE name = ?', name)[0];
      return row === undefined ? null : String(row.value);
    },
    setMeta(name: string, value: string): void {
      sql.run(
        'INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
        name,
        value,
      );
    },
    close: () => db.close(),
  };
}

type Sql = ReturnType<typeof openSql>;

function openSql(db: DatabaseSync) {
  const statements = new Map<string, StatementSync>();
  function statement(sql: string): StatementSync {
    const known = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, known);
    return known;
  }
  return {
    rows: (sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] =>
      statement(sql).all(...values),
    /** Returns how many rows it changed. */
    run: (sql: string, ...values: SQLInputValue[]): number => Number(statement(sql).run(...values).changes),
    /** All or nothing; nested calls are savepoints of the outer one. */
    transaction<T>(work: () => T): T {
      const inner = db.isTransaction;
      db.exec(inner ? 'SAVEPOINT inner_work' : 'BEGIN IMMEDIATE');
      try {
        const result = work();
        db.exec(inner ? 'RELEASE inner_work' : 'COMMIT');
        return result;
      } catch (error) {
        db.exec(inner ? 'ROLLBACK TO inner_work; RELEASE inner_work' : 'ROLLBACK');
        throw error;
      }
    },
  };
}

function openObjects({ rows, run }: Sql) {
  const read = <K extends Kind>(_: K, row: Record<string, unknown>) =>
    JSON.parse(String(row.body)) as Kinds[K];
  function find<K extends Kind>(kind: K, id: string): Kinds[K] | null {
    const row = rows('SELECT body FROM objects WHERE id = ? AND kind = ?', id, kind)[0];
    return row === undefined ? null : read(kind, row);
  }
  function seqOf(kind: Kind, id: string, param: string): number {
    const row = rows('SELECT seq FROM objects WHERE id = ? AND kind = ?', id, kind)[0];
    if (row === undefined) throw missing(kind.replaceAll('_', ' '), id, param, 400);
    return Number(row.seq);
  }
  return {
    find,
    get<K extends Kind>(kind: K, id: string, param = 'id', status = 404): Kinds[K] {
      const found = find(kind, id);
      if (found === null) throw missing(kind.replaceAll('_', ' '), id, param, status);
      return found;
    },
    insert<K extends Kind>(kind: K, body: Kinds[K], created: number): Kinds[K] {
      run(
        'INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)',
        body.id,
        kind,
        created,
        JSON.stringify(body),
      );
      return body;
    },
    update<K extends Kind>(kind: K, body: Kinds[K]): Kinds[K] {
      run('UPDATE objects SET body = ? WHERE id = ? AND kind = ?', JSON.stringify(body), body.id, kind);
      return body;
    },
    remove(kind: Kind, id: string): void {
      run('DELETE FROM objects WHERE id = ? AND kind = ?', id, kind);
    },
    /** All of a kind, or those with this value in a field; oldest first. */
    all<K extends Kind>(kind: K, field?: string, value?: string): Kinds[K][] {
      const where = field === undefined ? '' : `AND json_extract(body, '$.${field}') = ?`;
      const values = value === undefined ? [kind] : [kind, value];
      const found = rows(`SELECT body FROM objects WHERE kind = ? ${where} ORDER BY seq`, ...values);
      return found.map((row) => read(kind, row));
    },
    list<K extends Kind>(kind: K, query: Query): { data: Kinds[K][]; has_more: boolean } {
      const { sql, values, upwards } = selectPage(kind, query, seqOf);
      const found = rows(sql, ...values, query.limit + 1);
      const page = found.slice(0, query.limit);
      if (upwards) page.reverse();
      return { data: page.map((row) => read(kind, row)), has_more: found.length > query.limit };
    },
  };
}

function selectPage(kind: Kind, query: Query, seqOf: (kind: Kind, id: string, param: string) => number) {
  const wheres = ['kind = ?'];
  const values: SQLInputValue[] = [kind];
  const where = (sql: string, ...more: SQLInputValue[]) => {
    wheres.push(sql);
    values.push(...more);
  };
  for (const [field, value] of Object.entries(query.equals ?? {})) {
    if (value !== undefined) where(`json_extract(body, '$.${field}') = ?`, value);
  }
  const { anyOf, created = {} } = query;
  if (anyOf !== undefined) {
    where(
      `json_extract(body, '$.${anyOf.field}') IN (${anyOf.values.map(() => '?').join(', ')})`,
      ...anyOf.values,
    );
  }
  const signs = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;
  for (const name of ['gt', 'gte', 'lt', 'lte'] as const) {
    const bound = created[name];
    if (bound !== undefined) where(`created ${signs[name]} ?`, bound);
  }
  if (query.starting_after !== undefined)
    where('seq < ?', seqOf(kind, query.starting_after, 'starting_after'));
  const upwards = query.ending_before !== undefined;
  if (query.ending_before !== undefined) where('seq > ?', seqOf(kind, query.ending_before, 'ending_before'));
  const order = upwards ? 'ASC' : 'DESC';
  return {
    sql: `SELECT body FROM objects WHERE ${wheres.join(' AND ')} ORDER BY seq ${order} LIMIT ?`,
    values,
    upwards,
  };
}

export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}
