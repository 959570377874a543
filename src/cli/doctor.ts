import { type Config, validateEnvironment } from '../config.ts';
import { codeOf } from '../errors.ts';
import { type Check, checksOf } from './doctor-checks.ts';
import { program } from './session.ts';
import { renderTable } from './table.ts';

export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'not configured' | 'broken';
  readonly text: string;
  readonly mend: string | null;
}

/** What hangs is broken after that. */
const CHECK_MS = 15_000;

/** Asks every configured integration at once; one that fails says nothing of another. Changes nothing anywhere. */
export const examine = (config: Config, timeoutMs = CHECK_MS): Promise<Finding[]> =>
  Promise.all(checksOf(config).map((check) => run(check, timeoutMs)));

async function run({ name, ask, mend }: Check, timeoutMs: number): Promise<Finding> {
  if (ask === null) return { name, state: 'not configured', text: '', mend: null };
  const signal = AbortSignal.timeout(timeoutMs);
  const { promise: late, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason));
  const codes: string[] = [];
  try {
    const asked = ask(signal, (code) => codes.push(code));
    return { name, state: 'ok', text: await Promise.race([asked, late]), mend: null };
  } catch (error) {
    return { name, state: 'broken', text: textOf(error, codes.at(-1)), mend };
  }
}

/** Our own errors tell their text; of others their code alone, because their text may hold what is configured. */
function textOf(error: unknown, lastCode?: string): string {
  const code = codeOf(error, 'INTERNAL');
  if (!(error instanceof Error)) return code;
  if (error.name === 'TimeoutError') {
    const isSilent = lastCode === undefined;
    return isSilent
      ? 'it did not answer in time'
      : `it did not succeed in time; its last failure was ${lastCode}`;
  }
  const foreign = foreignCodeOf(error);
  if (code !== 'INTERNAL') return `${code}: ${error.message}${foreign === null ? '' : ` (${foreign})`}`;
  return foreign ?? error.name;
}

/** What Node or another library calls it, such as ECONNREFUSED or CERT_HAS_EXPIRED. */
function foreignCodeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const isOurs = codeOf(error, 'INTERNAL') !== 'INTERNAL';
  return !isOurs && 'code' in error && typeof error.code === 'string'
    ? error.code
    : foreignCodeOf(error.cause);
}

function render(findings: readonly Finding[]): string {
  const head = ['integration', 'state', 'what it says'];
  const table = renderTable([head, ...findings.map(({ name, state, text }) => [name, state, text])], []);
  const mends = findings.filter(({ mend }) => mend !== null).map(({ name, mend }) => `${name}: ${mend}`);
  return [table, ...(mends.length === 0 ? [] : ['', ...mends])].join('\n');
}

program
  .command('doctor')
  .description(
    'ask every configured integration something harmless, and say what is wrong and how to mend it',
  )
  .option('--json', 'the findings as JSON')
  .action(async ({ json = false }: { json?: boolean }) => {
    try {
      const findings = await examine(validateEnvironment());
      const ok = findings.every(({ state }) => state !== 'broken');
      console.log(json ? JSON.stringify({ ok, findings }, null, 2) : render(findings));
      if (!ok) process.exitCode = 1;
    } catch (error) {
      const text = textOf(error);
      console.error(json ? JSON.stringify({ ok: false, findings: [], text }, null, 2) : text);
      process.exitCode = 1;
    }
  });
