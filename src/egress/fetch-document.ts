import type { Sender } from './send.ts';

/** One document of the outside world, fetched through the guard. */
export type Fetched = { status: number; body: Buffer };

type Options = {
  maxBytes: number;
  timeoutMs: number;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
};

/** Fetches small documents (keys, certificates) the way deliveries leave: guarded, without redirects, within a time. */
export function createFetchDocument(
  sender: Sender,
): (url: string, options: Options) => Promise<Fetched> {
  return async (url, { maxBytes, timeoutMs, method = 'GET', headers = {}, body = '' }) => {
    const outcome = await sender.send({
      url,
      method,
      headers: Object.entries(headers),
      body: Buffer.from(body),
      timeoutMs,
      poolKey: 'documents',
    });
    if (outcome.kind === 'refused' || outcome.responseStatus === null) {
      throw new Error(outcome.message ?? 'The document could not be fetched');
    }
    if (outcome.bodyTruncated && outcome.message !== null) throw new Error(outcome.message);
    if (outcome.bodyTruncated || outcome.responseBody.length > maxBytes) {
      throw new Error(`The document has more than ${maxBytes} bytes`);
    }
    return { status: outcome.responseStatus, body: outcome.responseBody };
  };
}
