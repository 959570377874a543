import { startEmbeddedPostgres } from '../../sandbox/database/embedded.ts';

// Holds an embedded database until it is killed: `node hold-database.ts <data directory>`.
const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('A data directory is needed.');
const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
console.log(JSON.stringify({ adminUrl: postgres.adminUrl }));
setInterval(() => undefined, 60_000);
