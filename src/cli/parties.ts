import { readFile } from 'node:fs/promises';
import { parties } from '../integrations/supabase/operations.ts';
import { act, program } from './session.ts';

program
  .command('parties')
  .description('suppliers, buyers, campaigns, terms and tracking numbers')
  .command('import')
  .argument('<file>', 'JSON; docs/terms.md shows one')
  .action((file: string) =>
    act(async ({ runtime: { services } }, by) => {
      const imported = parties.parse(JSON.parse(await readFile(file, 'utf8')));
      return services.operations.importParties(imported, by, services.clock.nowMs());
    }),
  );
