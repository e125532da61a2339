/** Hosts a provider's certificates, keys and confirmations may come from. Anything else is somebody's attempt at us. */
const PINNED = {
  sns: /^sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?$/,
  paypal: /^(?:[a-z0-9-]+\.)*paypal\.com$/,
  fireblocks: /^(?:[a-z0-9-]+\.)*fireblocks\.io$/,
} as const;
export type PinnedProvider = keyof typeof PINNED;

/**
 * The URL if it is https on a host of the provider, on the default port and without credentials; otherwise null.
 * The text must be what the parser makes of it, so that no two readers can disagree about the host.
 */
export function pinnedUrl(text: unknown, provider: PinnedProvider): URL | null {
  if (typeof text !== 'string' || text.length > 2048) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url === null ||
    url.protocol !== 'https:' ||
    url.port !== '' ||
    url.username !== '' ||
    url.password !== ''
  )
    return null;
  const written = /^https:\/\/([^/?#\\]*)/.exec(text)?.[1];
  return written === url.hostname && PINNED[provider].test(url.hostname) ? url : null;
}
