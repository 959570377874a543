import { join } from 'node:path';
import { Option } from 'commander';
import { migrate } from '../integrations/supabase/migrate.ts';
import { program } from './session.ts';

const MIGRATIONS = join(import.meta.dirname, '..', '..', 'supabase', 'migrations');

program
  .command('migrate')
  .description('bring a database to the newest migration')
  .addOption(
    new Option('--database-url <url>', 'of the owner of the tables')
      .env('DATABASE_ADMIN_URL')
      .makeOptionMandatory(),
  )
  .action(async ({ databaseUrl }: { databaseUrl: string }) => {
    const { applied, alreadyApplied } = await migrate(databaseUrl, MIGRATIONS);
    console.log(`${applied.length} applied, ${alreadyApplied} were there before`);
  });
