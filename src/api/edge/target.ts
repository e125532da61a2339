import { parseHost } from './host.ts';

/** Where a request line leads: `path` with its query, and the host it names itself. */
export type RequestTarget =
  | { kind: 'path'; path: string; authority: string | null }
  | { kind: 'server' }
  | { kind: 'invalid'; message: string };

const ABSOLUTE = /^(?:https?):\/\/([^/?#]*)(.*)$/is;

/** Reads the four forms of RFC 9112 §3.2; every character of path and query stays as it came. */
export function parseRequestTarget(url: string): RequestTarget {
  if (url.startsWith('/')) return { kind: 'path', path: url, authority: null };
  if (url === '*') return { kind: 'server' };
  const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? [];
  if (authority === undefined) {
    return {
      kind: 'invalid',
      message: 'The request target must be a path or an absolute http URL.',
    };
  }
  if (!parseHost(authority)) {
    const message = 'The URL in the request line must have a valid host and no user name.';
    return { kind: 'invalid', message };
  }
  return { kind: 'path', path: rest.startsWith('/') ? rest : `/${rest}`, authority };
}
