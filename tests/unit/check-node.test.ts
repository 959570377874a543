import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const guard: unknown = createRequire(import.meta.url)('../../bin/check-node.cjs');
const { nodeProblem } = z
  .object({ nodeProblem: z.function({ input: [z.string()], output: z.string().nullable() }) })
  .parse(guard);

/** A Node of the machine that is too old, or null when it has none. */
function findOldNode(): string | null {
  for (const path of ['/usr/bin/node', '/usr/local/bin/node']) {
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    if (status === 0 && nodeProblem(stdout.trim().slice(1)) !== null) return path;
  }
  return null;
}

const oldNode = findOldNode();

describe('the check of the running Node', () => {
  test.each(['24.0.0', '24.21.0', '26.1.0'])('Node %s is good enough', (version) => {
    expect(nodeProblem(version)).toBeNull();
  });

  test.each(['18.20.0', '20.20.2', '22.18.0', '23.11.1'])('Node %s is told what to do', (version) => {
    expect(nodeProblem(version)).toContain(`this is Node ${version}`);
    expect(nodeProblem(version)).toContain('npm ci');
  });

  test('every script that runs a file of ours checks first', () => {
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync('package.json', 'utf8')));
    const unchecked = Object.entries(scripts).filter(
      ([, script]) => script.includes('node ') && !script.startsWith('node -r ./bin/check-node.cjs '),
    );
    expect(unchecked).toEqual([]);
  });

  test.skipIf(oldNode === null)(
    'an old Node ends with advice and status 1, also before a file that it cannot load',
    () => {
      const { status, stderr } = spawnSync(
        oldNode ?? '',
        ['-r', './bin/check-node.cjs', 'src/node-version.ts'],
        {
          encoding: 'utf8',
        },
      );
      expect(status).toBe(1);
      expect(stderr).toContain('callclear needs Node 24');
      expect(stderr).not.toContain('ERR_UNKNOWN_FILE_EXTENSION');
    },
  );

  test('this Node passes in silence', () => {
    expect(execFileSync(process.execPath, ['src/node-version.ts'], { encoding: 'utf8' })).toBe('');
  });
});
