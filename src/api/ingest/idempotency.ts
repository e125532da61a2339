import { createHash } from 'node:crypto';
import { parseKeyPath, readPath } from '../../domain/payload-path.ts';
import type { NewRequest } from '../../db/requests.ts';

const KEPT_MS = 24 * 3_600_000;

/**
 * The idempotency key that a request carries at the source's path (`headers.…` or `body.…`), hashed, or null where
 * there is none: then every request is a new one.
 */
export function idempotencyKey(
  path: string | null | undefined,
  request: Pick<NewRequest, 'headers' | 'body' | 'query' | 'path' | 'receivedAtMs'>,
): { hash: Buffer; expiresAtMs: number } | null {
  if (!path) return null;
  const text = readKey(path, request);
  if (text === '') return null;
  return {
    hash: createHash('sha256').update(text).digest(),
    expiresAtMs: request.receivedAtMs + KEPT_MS,
  };
}

function readKey(
  path: string,
  request: Pick<NewRequest, 'headers' | 'body' | 'query' | 'path'>,
): string {
  const name = /^headers\.(.+)$/.exec(path)?.[1]?.toLowerCase();
  if (name !== undefined) {
    return request.headers.find(([header]) => header.toLowerCase() === name)?.[1] ?? '';
  }
  const parsed = parseKeyPath(path);
  if ('error' in parsed) return '';
  const parts = { headers: {}, body: parseJson(request.body), query: {}, path: request.path };
  return readPath(parsed.path, parts);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return body.toString('latin1');
  }
}
