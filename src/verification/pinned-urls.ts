/** Hosts a provider's certificates, keys and confirmations may come from. Anything else is somebody's attempt at us. */
const PINNED = {
  sns: /^sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?$/,
  paypal: /^(?:[a-z0-9-]+\.)*paypal\.com$/,
  fireblocks: /^(?:[a-z0-9-]+\.)*fireblocks\.io$/,
} as const;
export type PinnedProvider = keyof typeof PINNED;

/**
 * The URL if it is https on a host of the provider; otherwise null. Between the slashes must stand the host and
 * nothing else: no credentials, no port, nothing that two readers could take for different hosts.
 */
export function pinnedUrl(text: unknown, provider: PinnedProvider): URL | null {
  if (typeof text !== 'string' || text.length > 2048 || !URL.canParse(text)) return null;
  const url = new URL(text);
  const written = /^https:\/\/([^/?#\\]*)/.exec(text)?.[1];
  return written === url.hostname && PINNED[provider].test(url.hostname) ? url : null;
}
