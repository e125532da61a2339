// The URL parser: the standard's states folded into splits, for hierarchical and opaque URLs. `file:`
// is left out; a gateway's requests have no files.
import { ESCAPED, percentEncode } from './percent.ts';
import { parseHost } from './url-host.ts';

export const DEFAULT_PORTS: Readonly<Record<string, string>> = {
  'http:': '80',
  'https:': '443',
  'ws:': '80',
  'wss:': '443',
  'ftp:': '21',
};

export type UrlRecord = {
  protocol: string;
  username: string;
  password: string;
  /** `undefined` where the URL has no authority at all. */
  hostname: string | undefined;
  port: string;
  /** Path, or the whole opaque text after the scheme. */
  pathname: string;
  opaque: boolean;
  /** Without their leading character; `undefined` where there is none. */
  query: string | undefined;
  fragment: string | undefined;
};

export function isSpecial(protocol: string): boolean {
  return Object.hasOwn(DEFAULT_PORTS, protocol);
}

export function parsePort(text: string, protocol: string): string {
  if (text === '') return '';
  if (!/^[0-9]+$/.test(text) || Number(text) > 65535) {
    throw new TypeError(`Invalid URL: the port "${text}" is not valid.`);
  }
  const port = String(Number(text));
  return DEFAULT_PORTS[protocol] === port ? '' : port;
}

export function normalPath(path: string, special: boolean): string {
  const output: string[] = [];
  const segments = path.split(special ? /[/\\]/ : '/');
  for (const [at, segment] of segments.entries()) {
    const plain = segment.replaceAll(/%2e/gi, '.');
    const isLast = at === segments.length - 1;
    if (plain === '..') output.pop();
    if (plain !== '.' && plain !== '..') output.push(percentEncode(segment, ESCAPED.path));
    else if (isLast) output.push('');
  }
  return `/${output.join('/')}`;
}

function withAuthority(record: UrlRecord, authority: string): void {
  const at = authority.lastIndexOf('@');
  const credentials = authority.slice(0, Math.max(at, 0));
  const colon = credentials.indexOf(':');
  const user = colon < 0 ? credentials : credentials.slice(0, colon);
  record.username = percentEncode(user, ESCAPED.userinfo);
  record.password = colon < 0 ? '' : percentEncode(credentials.slice(colon + 1), ESCAPED.userinfo);
  const [, host = '', port = ''] =
    /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority.slice(at + 1)) ?? [];
  const special = isSpecial(record.protocol);
  if (host === '' && (special || at >= 0 || port !== '')) {
    throw new TypeError('Invalid URL: it has no host.');
  }
  record.hostname = parseHost(host, { special });
  record.port = parsePort(port, record.protocol);
}

function inherit(record: UrlRecord, base: UrlRecord): void {
  const { username, password, hostname, port } = base;
  Object.assign(record, { username, password, hostname, port });
}

function relativeTo(record: UrlRecord, rest: string, base: UrlRecord): void {
  const special = isSpecial(record.protocol);
  inherit(record, base);
  if (rest === '') {
    record.pathname = base.pathname;
    record.query ??= base.query;
  } else if (/^[/\\]/.test(rest) && (special || rest.startsWith('/'))) {
    record.pathname = normalPath(rest.slice(1), special);
  } else {
    const folder = base.pathname.slice(1, base.pathname.lastIndexOf('/') + 1);
    record.pathname = normalPath(folder + rest, special);
  }
}

// Only a fragment can be added to what has no path to start from.
function onOpaque(record: UrlRecord, rest: string, base: UrlRecord): void {
  if (rest !== '' || record.query !== undefined || record.fragment === undefined) {
    throw new TypeError('Invalid URL: its base cannot be a base.');
  }
  Object.assign(record, { pathname: base.pathname, opaque: true, query: base.query });
}

function splitTail(record: UrlRecord, text: string): string {
  const hash = text.indexOf('#');
  const beforeHash = hash < 0 ? text : text.slice(0, hash);
  if (hash >= 0) record.fragment = percentEncode(text.slice(hash + 1), ESCAPED.fragment);
  const mark = beforeHash.indexOf('?');
  if (mark < 0) return beforeHash;
  const set = isSpecial(record.protocol) ? ESCAPED.specialQuery : ESCAPED.query;
  record.query = percentEncode(beforeHash.slice(mark + 1), set);
  return beforeHash.slice(0, mark);
}

function absolute(record: UrlRecord, rest: string): void {
  const special = isSpecial(record.protocol);
  const slashes = special ? /^[/\\]*/.exec(rest)?.[0].length : rest.startsWith('//') ? 2 : 0;
  if (special || slashes === 2) {
    const [, authority = '', path = ''] =
      (special ? /^([^/\\]*)(.*)$/s : /^([^/]*)(.*)$/s).exec(rest.slice(slashes)) ?? [];
    withAuthority(record, authority);
    record.pathname = path === '' && !special ? '' : normalPath(path.slice(1), special);
  } else if (rest.startsWith('/')) record.pathname = normalPath(rest.slice(1), special);
  else {
    record.opaque = true;
    record.pathname = percentEncode(rest, ESCAPED.none);
  }
}

/** Parses a URL, against a base where one is given; throws a TypeError with the reason. */
export function parseUrl(input: string, base?: UrlRecord): UrlRecord {
  // eslint-disable-next-line no-control-regex
  const text = input.replaceAll(/^[\0-\x20]+|[\0-\x20]+$/g, '').replaceAll(/[\t\n\r]/g, '');
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(text)?.[0];
  const record: UrlRecord = {
    protocol: scheme?.toLowerCase() ?? base?.protocol ?? '',
    username: '',
    password: '',
    hostname: undefined,
    port: '',
    pathname: '',
    opaque: false,
    query: undefined,
    fragment: undefined,
  };
  if (record.protocol === '') throw new TypeError(`Invalid URL: "${text}" is not absolute.`);
  if (record.protocol === 'file:') throw new TypeError('Invalid URL: file: is not supported.');
  const special = isSpecial(record.protocol);
  const rest = splitTail(record, text.slice(scheme?.length ?? 0));
  const hasSlashes = special ? /^[/\\]{2}/.test(rest) : rest.startsWith('//');
  const sameScheme = scheme === undefined || (special && base?.protocol === record.protocol);
  if (scheme === undefined && base?.opaque === true) onOpaque(record, rest, base);
  else if (base === undefined || !sameScheme || hasSlashes) absolute(record, rest);
  else relativeTo(record, rest, base);
  return record;
}
