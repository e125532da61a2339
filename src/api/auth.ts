import { timingSafeEqual } from 'node:crypto';
import { type ApiKeyRow, findApiKey, hashOfKey } from '../db/api-keys.ts';
import type { Db } from '../db/pool.ts';

const CACHE_MS = 5_000;
const MAX_CACHED = 1_000;

/** Who asks: an API key, and the project it opens. */
export type Identity = { projectId: string; keyId: string };

/** Tells for whom an `Authorization` header speaks; null where for nobody. */
export type Authenticate = (authorization: string | undefined) => Promise<Identity | null>;

/** Checks API keys against the database, and remembers a right one for a few seconds. */
export function createAuthenticate(db: Db): Authenticate {
  const cache = new Map<string, { row: ApiKeyRow; untilMs: number }>();
  return async (authorization) => {
    const key = keyOf(authorization);
    if (key === null) return null;
    const hash = hashOfKey(key);
    const row = cached(cache, hash) ?? (await findApiKey(db, hash));
    // The look-up found it by an index; the comparison that decides takes the same time for every key.
    if (!row || !timingSafeEqual(row.hash, hash)) return null;
    remember(cache, row);
    return { projectId: row.project_id, keyId: row.id };
  };
}

function cached(cache: Map<string, { row: ApiKeyRow; untilMs: number }>, hash: Buffer) {
  const entry = cache.get(hash.toString('hex'));
  return entry && entry.untilMs > Date.now() ? entry.row : null;
}

function remember(cache: Map<string, { row: ApiKeyRow; untilMs: number }>, row: ApiKeyRow): void {
  const name = row.hash.toString('hex');
  const known = cache.get(name);
  if (known && known.untilMs > Date.now()) return;
  if (cache.size >= MAX_CACHED) cache.clear();
  const untilMs = Math.min(Date.now() + CACHE_MS, row.expires_at?.getTime() ?? Infinity);
  cache.set(name, { row, untilMs });
}

/** The key of `Bearer <key>`, or of Basic with the key as user name. */
function keyOf(header: string | undefined): string | null {
  const [, scheme = '', value = ''] = /^(\w+) +(\S+) *$/.exec(header ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return null;
  const [user = ''] = Buffer.from(value, 'base64').toString('utf8').split(':');
  return user === '' ? null : user;
}
