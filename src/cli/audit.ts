import { openAudit } from '../audit/audit.ts';
import { act, program } from './session.ts';

program
  .command('audit')
  .description('read the books and Stripe a second time and say which promises hold; changes nothing')
  .option('--json', 'every check, not only those that do not hold')
  .action(({ json = false }: { json?: boolean }) =>
    act(async ({ runtime: { platform } }) => {
      const { ok, failures, checks } = await openAudit(platform).run({ nowMs: platform.clock.nowMs() });
      return json ? { ok, failures, checks } : { ok, checks: checks.length, failures };
    }),
  );
