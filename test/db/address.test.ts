import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import sql from 'sql-template-tag';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { endpointsOf, readDatabaseUrl } from '../../src/db/address.ts';
import { openDatabase } from '../../src/db/pool.ts';
import { settleTls } from '../../src/db/tls.ts';

const folder = await mkdtemp(join(tmpdir(), 'sluice-address-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const template = new URL(inject('postgresUrl'));
const socket = template.searchParams.get('host') ?? '';
const { password, port, username, pathname } = template;

describe('a URL leads to the server', () => {
  const own = `${username}:${password}`;
  test.each([
    ['by host and port', `postgres://${own}@127.0.0.1:${port}${pathname}`],
    ['by a name', `postgresql://${own}@localhost:${port}${pathname}`],
    ['without a host in front', `postgresql://${own}@${pathname}?host=${socket}&port=${port}`],
    ['with a host in front', `postgres://${own}@127.0.0.1:${port}${pathname}?host=${socket}`],
    [
      'by a folder in place of a host',
      `postgres://${own}@${encodeURIComponent(socket)}:${port}${pathname}`,
    ],
    [
      'by nothing but parameters',
      `postgresql://?host=${socket}&port=${port}&user=${username}&password=${password}&dbname=${pathname.slice(1)}`,
    ],
    ['unencrypted', `postgres://${own}@127.0.0.1:${port}${pathname}?sslmode=disable`],
    ['by a socket, whatever is said of TLS', `${template.href}&sslmode=require`],
  ])('%s', async (_how, url) => {
    const db = openDatabase(url, { max: 1, onError: () => {} });
    const { rows } = await db.query<{ name: string }>(sql`select current_database() as name`);
    expect(rows).toEqual([{ name: pathname.slice(1) }]);
    await db.close();
  });

  test('with sslmode=prefer, which takes what the server has', async () => {
    const settled = await settleTls(
      `postgres://${own}@127.0.0.1:${port}${pathname}?sslmode=prefer&application_name=a`,
    );
    expect(settled).toContain('?sslmode=disable&application_name=a');
    const db = openDatabase(settled, { max: 1, onError: () => {} });
    await db.query(sql`select 1`);
    await db.close();
  });

  test('with sslmode=prefer and a server that encrypts, encrypted', async () => {
    const server: Server = createServer((asking) => asking.once('data', () => asking.end('S')));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port: at } = server.address() as { port: number };
    expect(await settleTls(`postgres://me@127.0.0.1:${at}/db?sslmode=prefer`)).toContain(
      'sslmode=no-verify',
    );
    server.close();
  });
});

test('user, password and database are decoded, each in full', () => {
  expect(
    readDatabaseUrl('postgres://a%40b:p%2Fw%3A%23%25%20+@db.example.com:6000/my%2Fdb'),
  ).toEqual({
    user: 'a@b',
    password: 'p/w:#% +',
    host: 'db.example.com',
    port: 6000,
    database: 'my/db',
  });
});

test('an at sign or a question mark in a password is taken as meant', () => {
  expect(readDatabaseUrl('postgres://me:p@s?s@db/x')).toMatchObject({
    user: 'me',
    password: 'p@s?s',
    host: 'db',
    database: 'x',
  });
});

test('without a user it is the one that runs the gateway', () => {
  const { user } = readDatabaseUrl('postgres://db/x');
  expect(user).toBe(pg.defaults.user ?? userInfo().username);
});

test('an IPv6 address stands in brackets', () => {
  expect(readDatabaseUrl('postgres://me@[::1]:5433/x')).toMatchObject({ host: '::1', port: 5433 });
  expect(endpointsOf('postgres://me@[::1]/x')).toEqual(['[::1]:5432']);
});

test('what in a URL would be an option of the driver alone is none', () => {
  const url =
    'postgres://me@db/x?max=1&binary=true&statement_timeout=5&pipeline=true&schema=public';
  expect(readDatabaseUrl(url)).toEqual({ user: 'me', host: 'db', database: 'x' });
});

test.each([
  ['postgres://me:hunter2@one:5432,two:5433/db', 'several hosts'],
  ['postgres://me:hunter2@one,two/db', 'several hosts'],
  ['postgres://me:hunter2@/db?host=one,two', 'several hosts'],
  ['postgres://me:hunter/2@db/x', 'percent-encoded'],
  ['postgres://me:hunter2%zz@db/x', 'percent-encoded'],
  ['postgres://me:hunter2@db:54321111/x', 'port'],
  ['postgres://me:hunter2@db/x?sslmode=sometimes', 'sslmode'],
  ['postgres://me:hunter2@db/x?sslmode=verify-ca', 'sslrootcert'],
  ['postgres://me:hunter2@db/x?sslmode=require&sslrootcert=/nowhere', 'sslrootcert'],
])('%s is refused in words that name the remedy and no secret', (url, words) => {
  expect(() => readDatabaseUrl(url)).toThrow(words);
  expect(() => readDatabaseUrl(url)).not.toThrow(/hunter/);
});

describe('sslmode means what it means to libpq', () => {
  const tls = (query: string) => readDatabaseUrl(`postgres://me@db/x?${query}`).ssl;
  test('disable and require', () => {
    expect(tls('sslmode=disable')).toBe(false);
    expect(tls('sslmode=require')).toEqual({ rejectUnauthorized: false });
    expect(tls('sslmode=verify-full')).toEqual({});
    expect(tls('sslrootcert=system&sslmode=require')).toEqual({});
    expect(tls('ssl=true')).toEqual({});
    expect(tls('')).toBeUndefined();
  });
  test('an authority of one’s own, with and without the name of the host', async () => {
    const file = join(folder, 'root.crt');
    await writeFile(file, 'a certificate');
    const name = expect.any(Function) as unknown;
    expect(tls(`sslmode=verify-full&sslrootcert=${file}`)).toEqual({ ca: 'a certificate' });
    for (const mode of ['require', 'verify-ca']) {
      expect(tls(`sslmode=${mode}&sslrootcert=${file}`)).toEqual({
        ca: 'a certificate',
        checkServerIdentity: name,
      });
    }
  });
});

test('deliveries are kept from every host and port at which the database is reached', () => {
  expect(endpointsOf('postgres://me@127.0.0.1:5433/x?host=/tmp/s')).toEqual(['127.0.0.1:5433']);
  expect(endpointsOf('postgres://me@%2Fvar%2Frun/x')).toEqual([]);
  expect(endpointsOf('postgresql:///x?host=/var/run/postgresql')).toEqual([]);
  expect(endpointsOf('postgresql:///x')).toEqual(['localhost:5432']);
  expect(endpointsOf('postgresql:///x?host=db&port=6000')).toEqual(['db:6000']);
});
