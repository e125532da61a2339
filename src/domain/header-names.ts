/** A name as a receiver may read it: many (CGI, WSGI, Rack, PHP) take `_` and `-` for the same. */
export function nameAsRead(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

// What belongs to one connection, or is written by the sender itself.
const HOP_BY_HOP = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a header must never be passed on or set by a user: hop-by-hop, framing, proxy. */
export function isForbiddenHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return HOP_BY_HOP.has(lower) || lower.startsWith('proxy-');
}

/** What the names of Sluice's own headers begin with, unless a project has another prefix. */
export const HEADER_PREFIX = 'x-sluice';

const STANDARD_WEBHOOKS = new Set(['webhook-id', 'webhook-timestamp', 'webhook-signature']);

/** Whether a header is one of the three of Standard Webhooks. */
export function isWebhookHeader(name: string): boolean {
  return STANDARD_WEBHOOKS.has(name.toLowerCase());
}

// Receivers need these to recognize a repeat and to read the body.
const NEEDED = new Set(['accept-encoding', 'content-encoding', 'content-type', 'idempotency-key']);

/** Whether deliveries need a header for something else, so that no credential may take its place. */
export function isReservedHeader(name: string): boolean {
  const read = nameAsRead(name);
  return isWebhookHeader(read) || NEEDED.has(read) || read.startsWith(`${HEADER_PREFIX}-`);
}
