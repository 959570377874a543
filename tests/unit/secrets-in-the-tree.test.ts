import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** Put together here, so that the scan of this very file stays clean. */
const planted: readonly [name: string, content: string][] = [
  [
    'a live Stripe key',
    `const key = "${['sk', 'live', '51HzYxWvUtSrQpOnMlKjIhGfEdCbA9876543210'].join('_')}";`,
  ],
  [
    'the address of a database with its password',
    `DB=${'postgres:'}//owner:n0t-Real-9x@db.internal.test:5432/callclear`,
  ],
  ['a GitHub token', `token: ${['ghp', 'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx'].join('_')}`],
];

describe('the scan for secrets', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/callclear-secrets-`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const scan = () =>
    spawnSync(
      process.execPath,
      ['node_modules/secretlint/bin/secretlint.js', '--no-color', '--maskSecrets', `${folder}/**/*`],
      { encoding: 'utf8' },
    );

  test.each(planted)('it finds %s, also in a file whose name begins with a dot', (_name, content) => {
    writeFileSync(`${folder}/.env.example`, `${content}\n`);
    const { status, stdout } = scan();
    expect(status).toBe(1);
    expect(stdout).toContain('.env.example');
  });

  test('it lets addresses of stores on this very machine pass, whose passwords are made for one run', () => {
    writeFileSync(
      `${folder}/a.ts`,
      `const url = '${'postgres:'}//owner:n0t-Real-9x@127.0.0.1:5432/callclear';\n`,
    );
    expect(scan().status).toBe(0);
  });
});
