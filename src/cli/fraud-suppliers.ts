import { Option } from 'commander';
import { STANDINGS, type Standing } from '../jobs/fraud/ladder.ts';
import { fraud } from './fraud-command.ts';
import { act, asReason, asUuid } from './session.ts';
import { minuteOf, renderTable } from './table.ts';

fraud
  .command('suppliers')
  .description('how suppliers stand that were ever decided about, and why; every other one is active')
  .option('--json', 'as JSON, with the numbers that it was decided by')
  .action(({ json }: { json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const all = await services.standings.list();
      if (json === true) return all;
      if (all.length === 0) return 'Every supplier is active.';
      const rows = all.map(({ supplierId, supplier, standing, sinceMs, byPerson, setBy, reason }) => [
        ...[supplierId, supplier, standing, minuteOf(sinceMs), byPerson ? setBy : 'the rules', reason],
      ]);
      return renderTable([['id', 'supplier', 'stands', 'since (UTC)', 'by', 'reason'], ...rows], []);
    }),
  );

fraud
  .command('supplier')
  .description('say how a supplier stands; that stands until `rules` gives the word back to the rules')
  .argument('<id>', 'of the supplier', asUuid)
  .addOption(
    new Option('--standing <standing>', 'for calls that start from now on')
      .choices([...STANDINGS, 'rules'])
      .makeOptionMandatory(),
  )
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .action((id: string, { standing, reason }: { standing: Standing | 'rules'; reason: string }) =>
    act(async ({ runtime: { services } }, by) => ({
      ok: await services.standings.set(id, standing, by, reason, services.clock.nowMs()),
      id,
    })),
  );
