import { join } from 'node:path';
import { VARIABLES } from '../../src/config-variables.ts';
import { PROJECT } from './migrations.ts';

export const ENV_EXAMPLE_FILE = join(PROJECT, '.env.example');

const HEAD = [
  '# Copy to .env and load it with `node --env-file=.env`. With nothing set, dev stands in for all of it.',
  '# Every value here is fake and refused in prod. Generated from the schema in src/config-variables.ts.',
];

/** What `.env.example` must be: each variable with its purpose, whether it is needed, and its example. */
export function renderEnvExample(): string {
  const entries = Object.entries(VARIABLES).map(([name, variable]) => {
    const needed = 'required' in variable ? ' Required in staging and prod.' : '';
    const secret = 'secret' in variable ? ' Secret.' : '';
    const purpose = variable.purpose.charAt(0).toUpperCase() + variable.purpose.slice(1);
    return `# ${purpose}.${needed}${secret}\n${name}=${variable.example}`;
  });
  return `${[HEAD.join('\n'), ...entries].join('\n\n')}\n`;
}
