import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { ConfigError, configTable, describeConfig, readConfig } from '../src/config.ts';

function messageOf(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
}

test('an empty environment gives the defaults', () => {
  expect(readConfig({})).toMatchObject({
    port: 8300,
    host: '127.0.0.1',
    dataDir: '.data',
    temporalNamespace: 'default',
    temporalUiPort: 8233,
    dispatchMaxBatch: 200,
    dispatchConcurrency: Math.max(1, Math.floor(availableParallelism() / 2)),
    retentionDays: 30,
    logLevel: 'info',
  });
  expect(readConfig({}).databaseUrl).toBeUndefined();
  expect(readConfig({}).egressAllowCidrs).toBeUndefined();
  expect(readConfig({}).sandboxChildren).toBeGreaterThan(0);
});

test('an empty or blank value counts as not set', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: ' ', API_KEY: '' })).toEqual(readConfig({}));
});

test('values are read into their types', () => {
  const config = readConfig({
    PORT: '0',
    PUBLIC_URL: 'https://events.example.com/',
    DATABASE_URL: 'postgresql://me:pw@db:5432/sluice',
    TEMPORAL_ADDRESS: 'temporal.example.com:7233',
    EGRESS_ALLOW_CIDRS: '10.0.0.0/8, fd00::/8',
    ENCRYPTION_KEY: 'ab'.repeat(32),
    LOG_LEVEL: 'debug',
  });
  expect(config).toMatchObject({
    port: 0,
    publicUrl: 'https://events.example.com',
    databaseUrl: 'postgresql://me:pw@db:5432/sluice',
    temporalAddress: 'temporal.example.com:7233',
    egressAllowCidrs: ['10.0.0.0/8', 'fd00::/8'],
    encryptionKey: 'ab'.repeat(32),
    logLevel: 'debug',
  });
});

test.each([
  ['PORT', '70000'],
  ['PORT', '8300x'],
  ['PUBLIC_URL', 'events.example.com'],
  ['DATABASE_URL', 'mysql://db/sluice'],
  ['TEMPORAL_ADDRESS', 'http://temporal:7233'],
  ['TEMPORAL_ADDRESS', 'temporal'],
  ['TEMPORAL_UI_PORT', '0'],
  ['DISPATCH_MAX_BATCH', '0'],
  ['DISPATCH_CONCURRENCY', '1.5'],
  ['EGRESS_ALLOW_CIDRS', '10.0.0.0/8,'],
  ['EGRESS_ALLOW_CIDRS', '10.0.0.0/33'],
  ['EGRESS_ALLOW_CIDRS', '10/8'],
  ['EGRESS_ALLOW_CIDRS', '::ffff:10.0.0.0/8'],
  ['RETENTION_DAYS', '-1'],
  ['ENCRYPTION_KEY', 'secret'],
  ['API_KEY', 'short'],
  ['LOG_LEVEL', 'loud'],
])('%s=%s is refused in one sentence that names it', (name, value) => {
  expect(messageOf({ [name]: value })).toMatch(new RegExp(`^${name} must be [^\\n]+\\.$`));
});

test('every wrong variable gets its sentence at once', () => {
  expect(messageOf({ PORT: 'a', RETENTION_DAYS: 'b' }).split('\n')).toEqual([
    'PORT must be a port number between 0 and 65535, and is "a".',
    'RETENTION_DAYS must be a whole number between 1 and 3650, and is "b".',
  ]);
});

test('no secret is printed, neither when right nor when wrong', () => {
  const secrets = {
    API_KEY: 'sk_0123456789abcdef',
    DATABASE_URL: 'postgres://me:hunter2@db/x',
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
  const described = describeConfig(readConfig(secrets));
  expect(described).toMatchObject({ API_KEY: 'set', DATABASE_URL: 'set', ENCRYPTION_KEY: 'set' });
  expect(describeConfig(readConfig({}))).toMatchObject({ API_KEY: 'not set', PORT: '8300' });
  expect(messageOf({ DATABASE_URL: 'mysql://me:hunter2@db/x' })).not.toContain('hunter2');
});

test('the table has a row for every variable, and nothing of this machine', () => {
  const rows = configTable().split('\n').slice(2);
  expect(rows).toHaveLength(Object.keys(describeConfig(readConfig({}))).length);
  expect(rows).toContainEqual(expect.stringMatching(/^\| `PORT` \| `8300` \| .+ \|$/));
  expect(rows).toContainEqual(expect.stringContaining('number of cores'));
});

test('where it listens, and whom it believes, may be IPv4, IPv6 or a name', () => {
  for (const host of ['::', '::1', '0.0.0.0', 'localhost', 'fe80::1%eth0', 'sluice.internal']) {
    expect(readConfig({ HOST: host }).host).toBe(host);
  }
  expect(readConfig({ HOST: '[::1]' }).host).toBe('::1');
  expect(
    readConfig({
      TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7, fd00::/8, ::1',
      PROXY_PROTOCOL: 'true',
      ALLOWED_HOSTS: 'sluice.internal,*.example.com',
    }),
  ).toMatchObject({
    trustedProxies: ['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1'],
    proxyProtocol: true,
    allowedHosts: ['sluice.internal', '*.example.com'],
  });
});

test.each([
  ['HOST', 'http://localhost'],
  ['HOST', 'localhost:8300'],
  ['HOST', 'a b'],
  ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TRUSTED_PROXIES', '::ffff:10.0.0.0/8'],
  ['TRUSTED_PROXIES', 'proxy.internal'],
  ['TRUSTED_PROXIES', '10.0.0.1,'],
  ['PROXY_PROTOCOL', 'maybe'],
  ['ALLOWED_HOSTS', 'http://a.example'],
  ['ALLOWED_HOSTS', 'a.example:80'],
  ['ALLOWED_HOSTS', 'a.*.example'],
  ['MAX_CONNECTIONS', '1'],
  ['INGEST_MEMORY_MIB', '1'],
  ['INGEST_MEMORY_PER_ADDRESS_MIB', '1'],
  ['BODY_MIN_BYTES_PER_SECOND', '-1'],
])('%s=%s is refused with a remedy', (name, value) => {
  expect(messageOf({ [name]: value })).toMatch(new RegExp(`^${name} must be [^\\n]+\\.$`));
});

test('values that do not fit each other are refused with a remedy', () => {
  expect(messageOf({ PROXY_PROTOCOL: 'true' })).toMatch(/^PROXY_PROTOCOL needs TRUSTED_PROXIES\./);
  expect(messageOf({ INGEST_MEMORY_MIB: '128', INGEST_MEMORY_PER_ADDRESS_MIB: '129' })).toBe(
    'INGEST_MEMORY_PER_ADDRESS_MIB must be at most INGEST_MEMORY_MIB (128), and is 129.',
  );
  expect(messageOf({ INGEST_MEMORY_MIB: '128', INGEST_MEMORY_PER_ADDRESS_MIB: '128' })).toBe(
    'accepted',
  );
});
