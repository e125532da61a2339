import { isIP } from 'node:net';

// Listening there is listening everywhere; to go there, the machine's own address does, and a browser takes no other.
const EVERYWHERE: Record<string, string> = { '0.0.0.0': '127.0.0.1' };

/** `host:port` as URLs and lists of endpoints have it: an IPv6 address in brackets, and without its zone. */
export function endpointAt(host: string, port: number): string {
  const [bare = ''] = host.split('%');
  return isIP(host) === 6 ? `[${bare}]:${port}` : `${host}:${port}`;
}

/** A URL under which what listens at `host` can be reached from this machine, without a slash at the end. */
export function urlAt(host: string, port: number): string {
  return `http://${endpointAt(reachable(host), port)}`;
}

/** `::` in all its ways of writing is one. */
function reachable(host: string): string {
  if (isIP(host) === 6 && /^[0:]+$/.test(host)) return '::1';
  return EVERYWHERE[host] ?? host;
}
