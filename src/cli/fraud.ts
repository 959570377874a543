import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { PermanentError } from '../errors.ts';
import { parseRuleSet, type RuleSet } from '../jobs/fraud/rule-set.ts';
import {
  backtest,
  checkPeriod,
  type Period,
  reportSignals,
  shadowDifference,
} from '../jobs/fraud/try-rules.ts';
import { fraud } from './fraud-command.ts';
import { renderBacktest, renderDifference, renderSignals } from './fraud-text.ts';
import { act, asDate, asReason } from './session.ts';
import { minuteOf, renderTable } from './table.ts';

type Over = Period & { readonly json?: true };

const rules = fraud
  .command('rules')
  .description('sets of rules: a set never changes, the next version is another');
rules
  .command('list')
  .description('the newest, at most 200: who made which, what for, and which one decides')
  .option('--json', 'as JSON')
  .action(({ json }: { json?: true }) =>
    act(async ({ runtime: { services } }) => {
      const sets = await services.fraud.listRuleSets();
      if (json === true) return sets;
      const rows = sets.map(({ version, state, author, madeAtMs, note }) => [
        ...[String(version), state, author, minuteOf(madeAtMs), note],
      ]);
      return renderTable([['version', 'state', 'author', 'made', 'note'], ...rows], [0]);
    }),
  );
rules
  .command('show')
  .description('a set as it was added')
  .argument('<version>', 'as `fraud rules list` shows it', asVersion)
  .action((version: number) =>
    act(async ({ runtime: { services } }) => {
      const found = (await services.fraud.ruleSets([version])).find((one) => one.version === version);
      if (found !== undefined) return found.rules;
      throw new PermanentError('RULES_UNKNOWN', `No set of rules has the version ${version}.`);
    }),
  );
rules
  .command('add')
  .description('add a set, which nothing uses yet; a faulty file is refused with the path of each fault')
  .argument('<file>', 'JSON; docs/fraud.md shows one')
  .requiredOption('--note <text>', 'what it is for', asReason)
  .action((file: string, { note }: { note: string }) =>
    act(async ({ runtime: { services } }, by) => {
      const set = await readRulesFile(file);
      const version = await services.fraud.addRuleSet(set, by, note, services.clock.nowMs());
      return { version, state: 'draft' };
    }),
  );
for (const [name, state, description] of [
  ['shadow', 'shadow', 'score calls by a set too, beside the one that decides; nothing follows from it'],
  ['promote', 'running', 'let a set decide about calls that are first scored from now on'],
  ['retire', 'retired', 'take a set out of the shadow; the one that decides leaves when another is promoted'],
] as const)
  rules
    .command(name)
    .description(description)
    .argument('<version>', 'as `fraud rules list` shows it', asVersion)
    .requiredOption('--reason <text>', 'why, for the audit log', asReason)
    .action((version: number, { reason }: { reason: string }) =>
      act(async ({ runtime: { services } }, by) => ({
        ...{ version, state },
        changed: await services.fraud.useRuleSet(version, state, by, reason, services.clock.nowMs()),
      })),
    );

over(fraud.command('shadow'))
  .description(
    'what the set in shadow would have made of the calls that were scored beside it, in calls and money',
  )
  .action(({ json, ...period }: Over) =>
    act(async ({ runtime: { services } }) => {
      const difference = shadowDifference(await services.fraud.shadow(checkPeriod(period)));
      return json === true ? { ...period, ...difference } : renderDifference(difference);
    }),
  );
over(fraud.command('backtest'))
  .description('what a set of rules would have made of calls, by what was measured of them; writes nothing')
  .requiredOption('--rules <file>', 'JSON, as for `fraud rules add`')
  .action(({ json, rules: file, ...period }: Over & { rules: string }) =>
    act(async ({ runtime: { services } }) => {
      const set = await readRulesFile(file);
      const tested = await backtest(services.fraud, set, checkPeriod(period));
      return json === true ? { ...period, ...tested } : renderBacktest(tested);
    }),
  );
over(fraud.command('report'))
  .description('precision, recall and money saved of each signal, by what people said of calls')
  .action(({ json, ...period }: Over) =>
    act(async ({ runtime: { services } }) => {
      const report = await reportSignals(services.fraud, checkPeriod(period));
      return json === true ? { ...period, ...report } : renderSignals(report);
    }),
  );

/** Every command over calls takes their first and last business date. */
function over(command: Command): Command {
  return command
    .requiredOption('--from <date>', 'the first business date', asDate)
    .requiredOption('--to <date>', 'the last one', asDate)
    .option('--json', 'as JSON, amounts in minor units');
}

function asVersion(text: string): number {
  const version = z.coerce.number().int().positive().max(2_147_483_647).safeParse(text);
  if (version.success) return version.data;
  throw new InvalidArgumentError('It must be the version of a set of rules.');
}

/** Reads a set from the disk; RULES_INVALID names the path of each fault. */
async function readRulesFile(path: string): Promise<RuleSet> {
  const text = await readFile(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PermanentError('RULES_INVALID', `${path} is no JSON.`, { cause });
  }
  return parseRuleSet(value);
}
