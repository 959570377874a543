import type { DeadWork, WorkItem, WorkStore } from '../../src/integrations/supabase/work.ts';

export interface MemoryRow extends WorkItem {
  readonly id: string;
  state: 'due' | 'done' | 'dead' | 'discarded';
  generation: number;
  payload: unknown;
  /** The attempts that its last death told. */
  tries: readonly unknown[];
  handedAtMs: number | null;
  result: string | null;
  death: Pick<DeadWork, 'code' | 'message' | 'attempts' | 'failedAtMs'> | null;
  replays: number;
}

/** The work rows in memory, with the promises of the real table, and a way to look at and break them. */
export interface MemoryWork extends WorkStore {
  readonly rows: Map<string, MemoryRow>;
  /** Audit lines of operators: `replay <id> <by>`. */
  readonly audit: string[];
  /** While set, every call rejects with it. */
  outage: Error | null;
  put(item: Omit<WorkItem, 'generation'>): void;
  row(job: string, key: string): MemoryRow | undefined;
}

export function createMemoryWork(): MemoryWork {
  const rows = new Map<string, MemoryRow>();
  const at = (ref: { job: string; key: string }) => rows.get(`${ref.job}/${ref.key}`);
  let lastId = 0;

  function insert(item: WorkItem): MemoryRow {
    lastId += 1;
    const id = String(lastId).padStart(8, '0');
    const fresh = {
      id,
      state: 'due',
      handedAtMs: null,
      result: null,
      death: null,
      replays: 0,
      tries: [],
    } as const;
    const row: MemoryRow = { ...item, ...fresh };
    rows.set(`${item.job}/${item.key}`, row);
    return row;
  }
  const check = () => {
    if (store.outage !== null) throw store.outage;
  };
  const itemOf = ({ job, key, generation, payload, dueAtMs, trace }: MemoryRow): WorkItem => {
    return { job, key, generation, payload, dueAtMs, trace };
  };
  const findDead = (id: string) => [...rows.values()].find((row) => row.id === id && row.state === 'dead');

  const store: MemoryWork = {
    rows,
    audit: [],
    outage: null,
    put: (item) => void insert({ ...item, generation: 1 }),
    row: (job, key) => at({ job, key }),
    async takeDue({ nowMs, handedBeforeMs, limit }) {
      check();
      const due = [...rows.values()].filter(
        (row) =>
          row.state === 'due' &&
          row.dueAtMs <= nowMs &&
          (row.handedAtMs === null || row.handedAtMs < handedBeforeMs),
      );
      const taken = due.sort((a, b) => a.dueAtMs - b.dueAtMs).slice(0, limit);
      for (const row of taken) row.handedAtMs = nowMs;
      return taken.map(itemOf);
    },
    async bump(ref) {
      check();
      const row = at(ref);
      if (row === undefined) throw new Error('no row');
      if (row.state === 'due' && row.generation === ref.generation) row.generation += 1;
      return row.generation;
    },
    async finish(refs) {
      check();
      for (const ref of refs) {
        const row = at(ref);
        if (row === undefined || row.state !== 'due' || row.generation !== ref.generation) continue;
        row.state = 'done';
        row.result = ref.result;
      }
    },
    async fail({ code, message, attempts, tries, nowMs, payloadVersion: _version, ...item }) {
      check();
      const row = at(item) ?? insert(item);
      if (row.state !== 'due' || row.generation !== item.generation) return false;
      row.state = 'dead';
      row.tries = tries;
      row.death = { code, message, attempts, failedAtMs: nowMs };
      return true;
    },
    async listDead({ afterId, limit }) {
      check();
      const dead = [...rows.values()].filter(
        (row) => row.state === 'dead' && (afterId === null || row.id > afterId),
      );
      return dead.slice(0, limit).map((row) => deadOf(row));
    },
    async readDead(id) {
      check();
      const row = findDead(id);
      return row === undefined ? null : { ...deadOf(row), payload: row.payload };
    },
    async replay({ id, by, nowMs, edit = null }) {
      check();
      const row = findDead(id);
      if (row === undefined) return null;
      if (edit !== null) row.payload = edit.payload;
      row.state = 'due';
      row.generation += 1;
      row.replays += 1;
      row.handedAtMs = nowMs;
      store.audit.push(`replay ${id} ${by}`);
      return itemOf(row);
    },
    async discard({ id, by }) {
      check();
      const row = findDead(id);
      if (row === undefined) return false;
      row.state = 'discarded';
      store.audit.push(`discard ${id} ${by}`);
      return true;
    },
  };
  return store;
}

function deadOf({ id, job, key, generation, replays, death }: MemoryRow): DeadWork {
  if (death === null) throw new Error('a dead row without a death');
  return { id, job, key, generation, replays, ...death };
}
