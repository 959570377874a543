import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { ERROR_CODES, PermanentError } from '../errors.ts';
import type { Letter, LetterFilter } from '../integrations/supabase/letters.ts';
import { QUEUES } from '../jobs/define-job.ts';
import { jobs } from '../jobs/registry.ts';
import { formatMoney, parseCurrency } from '../money.ts';
import { discardMany, replayMany, selectLetters } from '../queues/decide-many.ts';
import { FAULTS, faultOf } from '../queues/faults.ts';
import { act, asInstant, asLetterId, asReason, program, type Session } from './session.ts';
import { renderTable } from './table.ts';

interface Filters {
  readonly queue?: string;
  readonly job?: string;
  readonly code?: string;
  readonly fault?: string;
  readonly group?: string;
  readonly poison?: true;
  readonly since?: string;
  readonly until?: string;
}
interface Bulk extends Filters {
  readonly reason: string;
  readonly dryRun?: true;
}

const asCount = (text: string) => {
  const count = z.coerce.number().int().min(1).max(1_000).safeParse(text);
  if (count.success) return String(count.data);
  throw new InvalidArgumentError('It must be a whole number from 1 to 1000.');
};

const dlq = program.command('dlq').description('dead letters: work that ended for good without success');

/** A command with the filters of all. */
function filtered(name: string) {
  return dlq
    .command(name)
    .addOption(new Option('--queue <queue>', 'only of this queue').choices(QUEUES))
    .addOption(new Option('--job <job>', 'only of this job').choices(jobs.map((job) => job.name)))
    .option('--code <code>', 'only with this error code')
    .addOption(new Option('--fault <fault>', 'only by whose fault it is').choices(FAULTS))
    .option('--group <fingerprint>', 'only of this group, as `dlq list --groups` shows it')
    .option('--poison', 'only what was replayed three times in vain')
    .option('--since <time>', 'only what ended from then on', asInstant)
    .option('--until <time>', 'only what ended before', asInstant);
}

function filterOf({ queue, job, code, fault, group, poison, since, until }: Filters): LetterFilter {
  if (code !== undefined && !Object.hasOwn(ERROR_CODES, code))
    throw new PermanentError('LETTER_FILTER_INVALID', `No failure has the code ${code}.`);
  const ofQueue = jobs.filter((one) => one.queue === (queue ?? one.queue) && one.name === (job ?? one.name));
  const codes = Object.keys(ERROR_CODES).filter(
    (one) => one === (code ?? one) && faultOf(one) === (fault ?? faultOf(one)),
  );
  return {
    ...(queue === undefined && job === undefined ? {} : { jobs: ofQueue.map(({ name }) => name) }),
    ...(code === undefined && fault === undefined ? {} : { codes }),
    ...(group === undefined ? {} : { fingerprint: group }),
    ...(poison === undefined ? {} : { poison }),
    ...(since === undefined ? {} : { fromMs: Date.parse(since) }),
    ...(until === undefined ? {} : { untilMs: Date.parse(until) }),
  };
}

const money = (atRisk: Readonly<Record<string, number>>) =>
  Object.entries(atRisk)
    .map(([currency, amountMinor]) => formatMoney({ amountMinor, currency: parseCurrency(currency) }))
    .join(', ');
const time = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

filtered('list')
  .description(
    'the oldest 500 with the money that waits for them; --groups: one line for each kind of failure',
  )
  .option('--groups', 'one line for each fingerprint')
  .option('--json', 'as JSON')
  .action((options: Filters & { groups?: true; json?: true }) =>
    act(({ runtime: { services } }) => {
      const filter = filterOf(options);
      return options.groups === true
        ? listGroups(services, filter, options.json)
        : listLetters(services, filter, options.json);
    }),
  );

async function listLetters({ deadLetters }: Services, filter: LetterFilter, json?: true) {
  const letters = await deadLetters.list(filter, { afterId: null, limit: 500 });
  if (json === true) return letters.map((letter) => ({ ...letter, fault: faultOf(letter.code) }));
  if (letters.length === 0) return 'No dead letter.';
  const rows = letters.map((letter) => [
    ...[letter.id, time(letter.failedAtMs), letter.job, letter.code, faultOf(letter.code)],
    ...[letter.isPoison ? 'poison' : String(letter.replays), money(letter.atRisk), letter.key],
  ]);
  return renderTable(
    [['id', 'ended (UTC)', 'job', 'code', 'fault', 'replays', 'at risk', 'key'], ...rows],
    [0, 5, 6],
  );
}

async function listGroups({ deadLetters }: Services, filter: LetterFilter, json?: true) {
  const groups = await deadLetters.group(filter);
  if (json === true) return groups.map((group) => ({ ...group, fault: faultOf(group.code) }));
  if (groups.length === 0) return 'No dead letter.';
  const rows = groups.map((group) => [
    ...[group.fingerprint, String(group.letters), String(group.poison), group.job, group.code],
    ...[faultOf(group.code), time(group.firstAtMs), time(group.lastAtMs), money(group.atRisk), group.message],
  ]);
  const head = [
    'group',
    'letters',
    'poison',
    'job',
    'code',
    'fault',
    'first (UTC)',
    'last',
    'at risk',
    'newest',
  ];
  return renderTable([head, ...rows], [1, 2, 8]);
}

dlq
  .command('show')
  .description(
    'one letter: where it came from, every attempt and death, and which effects its work had already',
  )
  .argument('<id>', 'as the list shows it', asLetterId)
  .option('--payload', 'the payload in plain, which may hold personal data')
  .action((id: string, { payload }: { payload?: true }) =>
    act(async ({ runtime: { services, letters } }) => {
      const letter = await services.deadLetters.show(id);
      if (letter === null) throw new PermanentError('LETTER_UNKNOWN', `No dead letter has the id ${id}.`);
      const opened = await letters.readPayload(id).catch((error: unknown) => {
        if (!(error instanceof PermanentError)) throw error;
        return { payload: letter.payload, fault: error.message };
      });
      const queue = jobs.find(({ name }) => name === letter.job)?.queue ?? null;
      return {
        ...{ ...letter, queue, fault: faultOf(letter.code), payloadFault: opened.fault },
        payload: payload === true ? opened.payload : '(not shown: --payload)',
      };
    }),
  );

type Services = Session['runtime']['services'];

/** The letters that are meant: those named, else those that the filters let through; never all by default. */
async function chosen(
  { deadLetters }: Services,
  ids: readonly string[],
  filters: Filters,
): Promise<Letter[]> {
  const filter = { ...filterOf(filters), ...(ids.length > 0 && { ids }) };
  if (ids.length === 0 && Object.keys(filter).length === 0)
    throw new PermanentError('LETTER_FILTER_INVALID', 'Name letters, or say by a filter which ones.');
  const letters = await selectLetters(deadLetters, filter);
  const missing = ids.filter((id) => !letters.some((letter) => letter.id === id));
  if (missing.length > 0)
    throw new PermanentError('LETTER_UNKNOWN', `No dead letter has the id ${missing.join(', ')}.`);
  return letters;
}

/** What would be decided on, with the effects that are there already. */
async function plan({ deadLetters }: Services, letters: readonly Letter[]) {
  const planned = [];
  for (const { id, job, key, code, isPoison, atRisk } of letters) {
    const effects = (await deadLetters.show(id))?.effects ?? null;
    planned.push({ id, job, key, code, isPoison, atRisk, effects });
  }
  return { dryRun: true, letters: planned };
}

/** PAYLOAD_INVALID without what stands in the file: it may hold personal data. */
async function readPayload(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new PermanentError('PAYLOAD_INVALID', `${file} is no JSON.`);
  }
}

filtered('replay')
  .description('make letters due again, one after another; ends by itself when too many die again')
  .argument('[ids...]', 'as the list shows them; else those of the filters')
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .option('--dry-run', 'tell which, and write nothing')
  .option('--rate <n>', 'letters per second', asCount, '10')
  .option('--stop-after <n>', 'end when so many died again', asCount, '5')
  .option('--wait <seconds>', 'for what becomes of the last ones', asCount, '10')
  .option('--edit <file>', 'JSON of the payload to use instead, for one letter whose own no longer fits')
  .action((ids: string[], options: Bulk & { rate: string; stopAfter: string; wait: string; edit?: string }) =>
    act(async ({ runtime: { services, letters: queue } }, by) => {
      const letters = await chosen(services, ids.map(asLetterId), options);
      if (options.dryRun === true) return plan(services, letters);
      const { reason } = options;
      const [only] = letters;
      if (options.edit !== undefined) {
        if (only === undefined || letters.length > 1)
          throw new PermanentError('LETTER_FILTER_INVALID', 'An edit is for one letter.');
        const payload = await readPayload(options.edit);
        return { ok: await queue.replay({ id: only.id, by, reason, payload }), id: only.id };
      }
      const report = await replayMany(queue, services.deadLetters, {
        // One that is named is decided on by itself.
        letters: ids.length > 0 ? letters.map(({ id }) => ({ id, isPoison: false })) : letters,
        ...{ by, reason, ratePerS: Number(options.rate), stopAfter: Number(options.stopAfter) },
        waitMs: Number(options.wait) * 1_000,
      });
      const isGood = !report.stopped && report.diedAgain === 0 && report.refused.length === 0;
      return { ok: isGood, ...report };
    }),
  );

filtered('discard')
  .description('drop letters for good: what they should have done is never done')
  .argument('[ids...]', 'as the list shows them; else those of the filters')
  .requiredOption('--reason <text>', 'why, for the audit log', asReason)
  .option('--dry-run', 'tell which, and write nothing')
  .action((ids: string[], options: Bulk) =>
    act(async ({ runtime: { services, letters: queue } }, by) => {
      const letters = await chosen(services, ids.map(asLetterId), options);
      if (options.dryRun === true) return plan(services, letters);
      return { ok: true, ...(await discardMany(queue, { letters, by, reason: options.reason })) };
    }),
  );
