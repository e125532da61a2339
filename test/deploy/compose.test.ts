import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { configTable, readConfig } from '../../src/config.ts';
import { composeFile, composeText, filledIn, root } from './compose-file.ts';

const compose = composeFile();
const services = Object.entries(compose.services);
const jobs = ['databases', 'temporal-schema', 'temporal-namespace', 'migrate'];
const tools = services.filter(([, { profiles }]) => profiles).map(([name]) => name);
const lasting = services.filter(([name]) => ![...jobs, ...tools].includes(name));
const gateway = services.filter(([, { image }]) => image.startsWith('sluice:'));

function validator() {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve('dclint/package.json');
  const path = join(dirname(manifest), 'schemas', 'compose.schema.json');
  const { $schema: _, ...schema } = JSON.parse(readFileSync(path, 'utf8')) as { $schema: string };
  // The schema speaks of formats that Compose checks by itself.
  return new Ajv({ strict: false, validateFormats: false }).compile(schema);
}

describe('the compose specification', () => {
  const validate = validator();

  test.each(['docker-compose.yml', 'docker-compose.isolation.yml'])('takes %s', (name) => {
    validate(composeFile(name));
    expect(validate.errors).toBeNull();
  });

  test('would not take a misspelt setting or a wrong type', () => {
    const { postgres } = compose.services;
    for (const wrong of [{ heathcheck: {} }, { restart: 5 }, { depends_on: { x: {} } }]) {
      expect(validate({ services: { postgres: { ...postgres, ...wrong } } })).toBe(false);
    }
  });
});

describe('what an operator must say', () => {
  const required = [...composeText('docker-compose.yml').matchAll(/\$\{(\w+):\?/g)].map(
    ([, name]) => name ?? '',
  );
  const optional = [...composeText('docker-compose.yml').matchAll(/\$\{(\w+):-/g)].map(
    ([, name]) => name ?? '',
  );
  const example = readFileSync(join(root, 'docker/example.env'), 'utf8');

  test('is the five secrets, and nothing starts while one of them is missing or empty', () => {
    expect(new Set(required)).toEqual(new Set(Object.keys(filledIn)));
    for (const name of Object.keys(filledIn)) {
      expect(() => composeFile('docker-compose.yml', { ...filledIn, [name]: '' })).toThrow(
        `${name}: set it`,
      );
    }
  });

  test('and may say stands in the example, empty where it must be filled in', () => {
    for (const name of required) expect(example).toMatch(new RegExp(`^${name}=$`, 'm'));
    for (const name of optional) expect(example).toMatch(new RegExp(`^#${name}=`, 'm'));
  });

  test('is never written into the file', () => {
    const secrets = /^\s*(\w*(?:PASSWORD|PWD|API_KEY|ENCRYPTION_KEY|DATABASE_URL)):(.*)$/gm;
    const found = [...composeText('docker-compose.yml').matchAll(secrets)];
    expect(found.length).toBeGreaterThan(8);
    expect(found.filter(([, , value]) => !/\$\{\w+:\?/.test(value ?? ''))).toEqual([]);
  });
});

describe('every service', () => {
  test.each(services)('%s runs a pinned image within a bound of memory', (_name, service) => {
    expect(service.image).toMatch(/^[\w/-]+:\d+\.\d+(?:\.\d+)?(?:-bookworm)?$/);
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
  });

  test.each(lasting)('%s says whether it is well, and comes back', (_name, service) => {
    expect(service.healthcheck?.test.length).toBeGreaterThan(1);
    expect(service.restart).toBe('unless-stopped');
  });

  test.each(jobs)('the job %s is tried again when it fails, and not when it is done', (name) => {
    expect(compose.services[name]?.restart).toMatch(/^on-failure:\d+$/);
  });

  test.each(services)('%s waits only for what can come about', (_name, { depends_on: needs }) => {
    for (const [other, { condition }] of Object.entries(needs ?? {})) {
      const isJob = jobs.includes(other);
      expect(condition).toBe(isJob ? 'service_completed_successfully' : 'service_healthy');
      expect(compose.services[other]?.healthcheck === undefined).toBe(isJob);
    }
  });

  test.each(services)('%s is given files, volumes and networks that exist', (_name, service) => {
    const mounts = service.volumes ?? [];
    const files = mounts.filter((mount) => mount.startsWith('./'));
    expect(files.filter((mount) => !mount.endsWith(':ro'))).toEqual([]);
    const sources = files.map((mount) => mount.split(':')[0] ?? '');
    expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    for (const mount of mounts.filter((other) => !files.includes(other))) {
      expect(Object.keys(compose.volumes)).toContain(mount.split(':')[0]);
    }
    expect(service.networks?.length).toBeGreaterThan(0);
    for (const network of service.networks ?? []) {
      expect(Object.keys(compose.networks)).toContain(network);
    }
  });

  test('starts in an order that has no circle', () => {
    const started = new Set<string>();
    const begin = () =>
      services.filter(
        ([name, { depends_on: needs }]) =>
          !started.has(name) && Object.keys(needs ?? {}).every((other) => started.has(other)),
      );
    for (let next = begin(); next.length > 0; next = begin()) {
      for (const [name] of next) started.add(name);
    }
    expect(started.size).toBe(services.length);
  });
});

describe('from outside', () => {
  test('only ingest is reached from other machines', () => {
    const open = services.flatMap(([name, { ports = [] }]) =>
      ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${name} ${port}`),
    );
    expect(open).toEqual(['api 8300:8300']);
  });

  test('PostgreSQL and Temporal publish nothing and have no way out', () => {
    expect(compose.networks['backend']).toEqual({ internal: true });
    for (const name of ['postgres', 'temporal']) {
      expect(compose.services[name]).toMatchObject({ networks: ['backend'] });
      expect(compose.services[name]?.ports).toBeUndefined();
    }
  });
});

describe('the gateway’s own containers', () => {
  test('are migrate, api and worker, of one image', () => {
    expect(gateway.map(([name]) => name)).toEqual(['migrate', 'api', 'worker']);
    expect(new Set(gateway.map(([, { image }]) => image)).size).toBe(1);
  });

  test.each(gateway)('%s cannot gain rights, and writes nothing but its scratch', (_n, service) => {
    expect(service).toMatchObject({
      read_only: true,
      init: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service.cap_add).toBeUndefined();
  });

  test.each(['api', 'worker'])('%s has time to stop in order', (name) => {
    // The gateway gives itself 20 seconds.
    expect(compose.services[name]?.stop_grace_period).toBe('30s');
  });

  test.each(gateway)('%s has an environment that the configuration takes', (_name, service) => {
    const config = readConfig(service.environment ?? {});
    expect(config).toMatchObject({
      apiKey: filledIn['API_KEY'],
      temporalAddress: 'temporal:7233',
      temporalNamespace: 'sluice',
      retentionDays: 30,
    });
    expect(config.databaseUrl).toBe(
      `postgres://sluice:${filledIn['SLUICE_DB_PASSWORD']}@postgres:5432/sluice`,
    );
  });

  test('every variable of the configuration is set, in the image or here, or is of no use here', () => {
    const known = [...configTable().matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name ?? '');
    const image = readFileSync(join(root, 'Dockerfile'), 'utf8');
    const given = [...image.matchAll(/\b([A-Z_]+)=\S/g)].map(([, name]) => name ?? '');
    const set = gateway.flatMap(([, { environment }]) => Object.keys(environment ?? {}));
    const ofNoUse = ['TEMPORAL_CLI', 'TEMPORAL_UI_PORT'];
    expect(new Set([...set, ...given, ...ofNoUse, 'NODE_ENV'])).toEqual(
      new Set([...known, 'NODE_ENV']),
    );
  });

  test('the isolation file adds to the worker and to nothing else', () => {
    const { services: added } = composeFile('docker-compose.isolation.yml');
    expect(added).toEqual({ worker: { cap_add: ['SYS_ADMIN'] } });
  });
});
