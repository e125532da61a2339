import type { IncomingMessage } from 'node:http';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
// A browser says `none` where a person typed the address.
const OWN_SITES = new Set(['same-origin', 'none']);

/**
 * Whether a page of somebody else's makes this request, as far as a browser says: it would send a remembered password
 * along. What is not a browser says nothing of the kind. `hosts`: under which the request may have been made.
 */
export function isFromForeignPage(
  { method = 'GET', headers }: Pick<IncomingMessage, 'method' | 'headers'>,
  hosts: readonly string[],
): boolean {
  if (SAFE.has(method)) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && !OWN_SITES.has([site].flat().join().toLowerCase())) return true;
  const { origin } = headers;
  return origin !== undefined && !hosts.some((host) => isOriginOf(origin, host));
}

/** Whether an origin is that of a host, over http or https: TLS may end before it comes to us. */
function isOriginOf(origin: string, host: string): boolean {
  if (!/^https?:\/\//i.test(origin) || !URL.canParse(origin)) return false;
  const { protocol, host: own, pathname, search } = new URL(origin);
  if (pathname !== '/' || search !== '') return false;
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === own;
}
