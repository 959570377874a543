import pg from 'pg';

/** How long a connection may take to be made. */
const CONNECT_MS = 2_000;
/** BullMQ asks again at once after a refusal that it does not know, such as a database that is starting up. */
const REFUSED_WAIT_MS = 250;

/** Clients that tell of a refused connection after a moment: many workers that ask again would drown the process. */
const UnhurriedClient = new Proxy(pg.Client, {
  construct(Client, [config]: [pg.ClientConfig]) {
    const client = new Client({ ...config, connectionTimeoutMillis: CONNECT_MS });
    const connect = client.connect.bind(client);
    const unhurried = (callback?: (error: Error | null) => void): Promise<pg.Client> | undefined => {
      if (callback === undefined) return connect();
      connect((error: Error | null) => {
        if (error === null) callback(null);
        else setTimeout(callback, REFUSED_WAIT_MS, error);
      });
      return undefined;
    };
    client.connect = unhurried as typeof client.connect;
    return client;
  },
});

/**
 * The connections of one purpose to the PostgreSQL that keeps the queue.
 *
 * A statement waits `patienceMs` for a free connection. A connection is kept when the database only refused a statement:
 * BullMQ's functions refuse to finish a job whose lock was lost, pg's own pool would close the connection for it, and a
 * store under load that must make connections all the time loses more locks than it saves.
 */
export function openQueuePool(
  url: string,
  schema: string,
  limits: { max: number; patienceMs: number },
): pg.Pool {
  const pool = new pg.Pool({
    Client: UnhurriedClient,
    connectionString: url,
    max: limits.max,
    options: `-c search_path=${schema}`,
    connectionTimeoutMillis: limits.patienceMs,
    keepAlive: true,
  });
  const query = async (text: string, values?: unknown[]): Promise<pg.QueryResult> => {
    const client = await pool.connect();
    try {
      const result = await client.query(text, values);
      client.release();
      return result;
    } catch (error) {
      client.release(!(error instanceof pg.DatabaseError && error.severity === 'ERROR'));
      throw error;
    }
  };
  pool.query = query as typeof pool.query;
  return pool;
}
