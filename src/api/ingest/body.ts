import type { IncomingMessage } from 'node:http';

/** A body read to its end, or why it was not. */
export type ReadBody = { kind: 'read'; body: Buffer } | { kind: 'too-large' } | { kind: 'aborted' };

/** Reads a request's raw bytes, and stops at the limit while they are still coming in. */
export function readBody(
  req: IncomingMessage,
  { maxBytes }: { maxBytes: number },
): Promise<ReadBody> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) {
    return Promise.resolve({ kind: 'too-large' });
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        req.pause();
        req.removeAllListeners('data');
        resolve({ kind: 'too-large' });
      } else chunks.push(chunk);
    });
    req.on('end', () =>
      resolve({ kind: 'read', body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) }),
    );
    req.on('error', () => resolve({ kind: 'aborted' }));
    req.on('close', () => resolve({ kind: 'aborted' }));
  });
}
