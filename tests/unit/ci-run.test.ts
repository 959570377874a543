import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

describe('.ci/run', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/callclear-ci-`);
    mkdirSync(`${folder}/.ci`);
    mkdirSync(`${folder}/programs`);
    copyFileSync('.ci/run', `${folder}/.ci/run`);
    for (const name of ['redis-server', 'chromium']) program(name, 'exit 0');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function program(name: string, body: string): void {
    writeFileSync(`${folder}/programs/${name}`, `#!/bin/bash\n${body}\n`);
    chmodSync(`${folder}/programs/${name}`, 0o755);
  }

  /** Runs it with an npm that writes down how it was called, and fails when it is called as `failing`. */
  function runWith(failing: string) {
    program('npm', `echo "$*" >> '${folder}/calls'; [ "$*" != '${failing}' ]`);
    const { status, stdout } = spawnSync('bash', [`${folder}/.ci/run`], {
      encoding: 'utf8',
      env: { PATH: `${folder}/programs:/usr/bin:/bin` },
    });
    return {
      status,
      lastLine: stdout.trim().split('\n').at(-1),
      calls: readFileSync(`${folder}/calls`, 'utf8'),
    };
  }

  test('it runs every step in order and says how long each took', () => {
    const { status, lastLine, calls } = runWith('nothing');
    expect([status, lastLine]).toEqual([0, 'all steps passed']);
    expect(calls.trim().split('\n')).toEqual([
      'ci --no-audit --no-fund',
      'run check',
      'test',
      'run fuzz -- --count 100000 --json',
      'run demo -- --calls 500 --seed 7 --exit --json',
      'run demo -- --calls 500 --seed 7 --exit --json --redis',
    ]);
  });

  test('the first step that fails ends it and is named on the last line', () => {
    const { status, lastLine, calls } = runWith('run check');
    expect(status).toBe(1);
    expect(lastLine).toBe('FAILED in step: npm run check (status 1)');
    expect(calls).not.toContain('test');
  });
});
