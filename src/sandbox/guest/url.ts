// URL over the parser, and both globals.
import { ESCAPED, percentEncode } from './percent.ts';
import { URLSearchParams } from './search-params.ts';
import { parseHost } from './url-host.ts';
import { isSpecial, normalPath, parsePort, parseUrl } from './url-parse.ts';
import type { UrlRecord } from './url-parse.ts';
import { usvString } from './usv-string.ts';

export class URL {
  #record: UrlRecord;
  #params: URLSearchParams | undefined;

  constructor(url: unknown, base?: unknown) {
    const from = base === undefined ? undefined : parseUrl(usvString(base));
    this.#record = parseUrl(usvString(url), from);
  }

  static canParse(url: unknown, base?: unknown): boolean {
    return URL.parse(url, base) !== null;
  }

  static parse(url: unknown, base?: unknown): URL | null {
    try {
      return new URL(url, base);
    } catch {
      return null;
    }
  }

  get href(): string {
    const { protocol, username, password, hostname, pathname, query, fragment } = this.#record;
    const secret = password === '' ? '' : `:${password}`;
    const credentials = username + secret === '' ? '' : `${username}${secret}@`;
    // Without the dot a path that begins with two slashes would read as a host.
    const guard =
      hostname === undefined && !this.#record.opaque && pathname.startsWith('//') ? '/.' : '';
    const authority = hostname === undefined ? guard : `//${credentials}${this.host}`;
    const tail =
      (query === undefined ? '' : `?${query}`) + (fragment === undefined ? '' : `#${fragment}`);
    return protocol + authority + pathname + tail;
  }

  set href(value: unknown) {
    this.#record = parseUrl(usvString(value));
    this.#params = undefined;
  }

  get origin(): string {
    const web = isSpecial(this.#record.protocol);
    return web ? `${this.#record.protocol}//${this.host}` : 'null';
  }

  get protocol(): string {
    return this.#record.protocol;
  }

  set protocol(value: unknown) {
    const protocol = `${usvString(value).replace(/:.*$/s, '').toLowerCase()}:`;
    if (isSpecial(protocol) !== isSpecial(this.#record.protocol)) return;
    if (!/^[a-z][a-z0-9+.-]*:$/.test(protocol)) return;
    this.#record.protocol = protocol;
    this.#record.port = parsePort(this.#record.port, protocol);
  }

  get username(): string {
    return this.#record.username;
  }

  set username(value: unknown) {
    if (this.#record.hostname)
      this.#record.username = percentEncode(usvString(value), ESCAPED.userinfo);
  }

  get password(): string {
    return this.#record.password;
  }

  set password(value: unknown) {
    if (this.#record.hostname)
      this.#record.password = percentEncode(usvString(value), ESCAPED.userinfo);
  }

  get host(): string {
    const { hostname, port } = this.#record;
    return (hostname ?? '') + (port === '' ? '' : `:${port}`);
  }

  set host(value: unknown) {
    const [, name = '', port] =
      /^(\[[^\]]*\]|[^:/?#\\]*)(?::([0-9]*))?/.exec(usvString(value)) ?? [];
    this.hostname = name;
    if (port !== undefined && port !== '') this.port = port;
  }

  get hostname(): string {
    return this.#record.hostname ?? '';
  }

  set hostname(value: unknown) {
    if (this.#record.opaque) return;
    try {
      const special = isSpecial(this.#record.protocol);
      this.#record.hostname = parseHost(usvString(value), { special });
    } catch {
      // The standard keeps the old host when the new one is not valid.
    }
  }

  get port(): string {
    return this.#record.port;
  }

  set port(value: unknown) {
    const digits = /^[0-9]*/.exec(usvString(value))?.[0] ?? '';
    if (!this.#record.hostname || (digits === '' && usvString(value) !== '')) return;
    if (Number(digits) <= 65535) this.#record.port = parsePort(digits, this.#record.protocol);
  }

  get pathname(): string {
    return this.#record.pathname;
  }

  set pathname(value: unknown) {
    if (this.#record.opaque) return;
    const special = isSpecial(this.#record.protocol);
    this.#record.pathname = normalPath(
      usvString(value).replace(special ? /^[/\\]/ : /^\//, ''),
      special,
    );
  }

  get search(): string {
    return this.#record.query ? `?${this.#record.query}` : '';
  }

  set search(value: unknown) {
    const text = usvString(value).replace(/^\?/, '');
    const set = isSpecial(this.#record.protocol) ? ESCAPED.specialQuery : ESCAPED.query;
    this.#record.query = text === '' ? undefined : percentEncode(text, set);
    this.#params = undefined;
  }

  get searchParams(): URLSearchParams {
    this.#params ??= URLSearchParams.attached(this.#record.query ?? '', (text) => {
      this.#record.query = text === '' ? undefined : text;
    });
    return this.#params;
  }

  get hash(): string {
    return this.#record.fragment ? `#${this.#record.fragment}` : '';
  }

  set hash(value: unknown) {
    const text = usvString(value).replace(/^#/, '');
    this.#record.fragment = text === '' ? undefined : percentEncode(text, ESCAPED.fragment);
  }

  toString(): string {
    return this.href;
  }

  toJSON(): string {
    return this.href;
  }
}

export function install(): void {
  Object.assign(globalThis, { URL, URLSearchParams });
}
