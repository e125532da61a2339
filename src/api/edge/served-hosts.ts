import { isIP } from 'node:net';
import { parseHost } from './host.ts';

export type ServedHosts = (host: string) => boolean;

/**
 * Which hosts the admin API answers for: what it is known as, this machine, and every address. A page on another name
 * that was made to resolve to us (DNS rebinding) is not among them; to an address no page can be rebound.
 */
export function createServedHosts({
  publicUrl,
  host,
  allowedHosts,
}: {
  publicUrl: string;
  host: string;
  allowedHosts: readonly string[];
}): ServedHosts {
  const known = [new URL(publicUrl).host, host, ...allowedHosts].map(
    (text) => nameOf(text) ?? text.toLowerCase(),
  );
  const names = new Set(known);
  const suffixes = known.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
  return (text) => {
    const name = nameOf(text);
    if (name === null) return false;
    if (isAddress(name) || name === 'localhost' || name.endsWith('.localhost')) return true;
    return names.has('*') || names.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
  };
}

function nameOf(text: string): string | null {
  return parseHost(text)?.name ?? null;
}

function isAddress(name: string): boolean {
  return isIP(name) !== 0 || name.startsWith('[');
}
