import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';

/** Where and as whom to connect, as the driver takes it. */
export type DatabaseAddress = {
  host?: string;
  port?: number;
  user?: string;
  password?: string;
  database?: string;
  ssl?: boolean | ConnectionOptions;
  sslnegotiation?: 'postgres' | 'direct';
  enableChannelBinding?: boolean;
  application_name?: string;
  /** Settings of the user's own, taken before ours. */
  options?: string;
};

/** A database URL that cannot be used; the message says what to mend, and nothing of what stands in the URL. */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError';
}

export const USUAL_PORT = 5432;
const ENCODE = 'In a user or a password, characters like / : @ # % have to be percent-encoded';

/** Reads a database URL as libpq reads one: with a host, with the folder of a socket, or with neither. */
export function readDatabaseUrl(url: string): DatabaseAddress {
  const { user, password, host, port, database, query } = partsOf(url);
  const named = {
    host: query.get('host') || query.get('hostaddr') || host,
    port: portOf(query.get('port') || port),
    user: query.get('user') || user || pg.defaults.user || userInfo().username,
    password: query.get('password') || password,
    database: query.get('dbname') || database,
    application_name: query.get('application_name'),
    options: query.get('options')?.replaceAll('+', ' '),
    sslnegotiation: query.get('sslnegotiation'),
  };
  if (named.host?.includes(',')) {
    throw new DatabaseUrlError(
      'it names several hosts: name one, or an address that always leads to the primary',
    );
  }
  const binding = /^(?:require|prefer)$/.test(query.get('channel_binding') ?? '');
  return {
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value)),
    ...tlsOf(query, { isSocket: named.host?.startsWith('/') === true }),
    ...(binding && { enableChannelBinding: true }),
  };
}

/** The hosts and ports at which the database itself is reached; none where a socket is the only way to it. */
export function endpointsOf(url: string): string[] {
  const { host, port, query } = partsOf(url);
  const at = portOf(query.get('port') || port) ?? USUAL_PORT;
  const hosts = [host, query.get('host'), query.get('hostaddr')];
  const named = hosts.filter((each): each is string => Boolean(each) && !each!.startsWith('/'));
  const isUsual = named.length === 0 && !hosts.some((each) => each?.startsWith('/'));
  return [...new Set(isUsual ? ['localhost'] : named)].map(
    (each) => `${each.includes(':') ? `[${each}]` : each}:${at}`,
  );
}

/** Whether the server itself decides if the connection is encrypted. */
export function leavesTlsOpen(url: string): boolean {
  const { query } = partsOf(url);
  return /^(?:allow|prefer)$/.test(query.get('sslmode') ?? '');
}

/** The same URL with another way of encryption. */
export function withSslMode(url: string, mode: 'disable' | 'no-verify'): string {
  return url.replace(/([?&]sslmode=)[^&#]*/, `$1${mode}`);
}

type Parts = {
  user: string | undefined;
  password: string | undefined;
  host: string | undefined;
  port: string | undefined;
  database: string | undefined;
  query: Map<string, string>;
};

/** Taken apart by hand: `new URL` knows no user without a host, and no list of hosts. */
function partsOf(url: string): Parts {
  const scheme = /^postgres(?:ql)?:\/\//i.exec(url);
  if (!scheme) throw new DatabaseUrlError('it does not begin with postgres://');
  const rest = url.slice(scheme[0].length);
  const beforePath = rest.indexOf('/') < 0 ? rest : rest.slice(0, rest.indexOf('/'));
  const at = beforePath.lastIndexOf('@');
  const [user, ...password] = at < 0 ? [] : rest.slice(0, at).split(':');
  const [, address = '', path = '', search = ''] =
    /^([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?/.exec(rest.slice(at + 1)) ?? [];
  const place = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(address);
  if (!place && address.includes(',')) return { ...EMPTY, host: address };
  if (!place) throw new DatabaseUrlError(`it names no host. ${ENCODE}`);
  return {
    user: decoded(user),
    password: password.length > 0 ? decoded(password.join(':')) : undefined,
    // Two hosts, each with its port, are told apart from one by the comma alone.
    host: address.includes(',') ? address : decoded(place[1]?.replace(/^\[(.*)\]$/, '$1')),
    port: address.includes(',') ? undefined : place[2],
    database: decoded(path.slice(1)),
    query: new Map(
      search.split('&').map((pair) => {
        const end = pair.indexOf('=') < 0 ? pair.length : pair.indexOf('=');
        return [decoded(pair.slice(0, end)) ?? '', decoded(pair.slice(end + 1)) ?? ''];
      }),
    ),
  };
}

const EMPTY: Parts = {
  user: undefined,
  password: undefined,
  host: undefined,
  port: undefined,
  database: undefined,
  query: new Map(),
};

function decoded(text: string | undefined): string | undefined {
  if (!text) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUrlError(`a % in it is followed by no two hexadecimal digits. ${ENCODE}`);
  }
}

function portOf(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw new DatabaseUrlError(`its port is no number between 1 and 65535. ${ENCODE}`);
  }
  return port;
}

const MODES = 'disable, prefer, require, verify-ca or verify-full';

/** What libpq's `sslmode` means; where only certificates are named, they are verified in full. */
function tlsOf(
  query: Map<string, string>,
  { isSocket }: { isSocket: boolean },
): Pick<DatabaseAddress, 'ssl'> {
  if (isSocket) return { ssl: false };
  const root = query.get('sslrootcert');
  const files = {
    ...(root && root !== 'system' && { ca: read('sslrootcert', root) }),
    ...(query.get('sslcert') && { cert: read('sslcert', query.get('sslcert')!) }),
    ...(query.get('sslkey') && { key: read('sslkey', query.get('sslkey')!) }),
    ...(query.get('sslpassword') && { passphrase: query.get('sslpassword')! }),
  };
  const unverified = { ssl: { ...files, rejectUnauthorized: false } };
  const anyName = { ssl: { ...files, checkServerIdentity: () => undefined } };
  const inFull = { ssl: { ...files } };
  const mode = query.get('sslmode') || modeOfSsl(query.get('ssl'));
  switch (mode) {
    case undefined:
      return root || query.get('sslcert') || query.get('sslnegotiation') === 'direct' ? inFull : {};
    case 'disable':
      return { ssl: false };
    case 'allow':
    case 'prefer':
    case 'no-verify':
      return unverified;
    case 'require':
      if (root === 'system') return inFull;
      return root ? anyName : unverified;
    case 'verify-ca':
      if ('ca' in files) return anyName;
      throw new DatabaseUrlError(
        'sslmode=verify-ca needs sslrootcert, the file of the authority to trust; verify-full goes without',
      );
    case 'verify-full':
      return inFull;
    default:
      throw new DatabaseUrlError(`its sslmode has to be ${MODES}`);
  }
}

function modeOfSsl(ssl: string | undefined): string | undefined {
  if (!ssl) return undefined;
  if (ssl === 'true' || ssl === '1') return 'verify-full';
  return ssl === 'false' || ssl === '0' ? 'disable' : ssl;
}

function read(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new DatabaseUrlError(`the file that ${name} names cannot be read (${code})`);
  }
}
