import { timingSafeEqual } from 'node:crypto';
import { type ApiKeyRow, hashOfKey, listValidKeys, noteKeyUse } from '../db/api-keys.ts';
import { gatewayNow } from '../db/clock.ts';
import type { Db } from '../db/pool.ts';
import { createRefusals } from './refused-keys.ts';

/** How old the known keys may be: a revoked one opens nothing a second later, in whatever process it was revoked. */
const KNOWN_MS = 1_000;
// A key that is not known may have been made by another process just now.
const UNKNOWN_MS = 250;
const USE_NOTED_MS = 60_000;

/** Who asks: an API key, and the project it opens. */
export type Identity = { projectId: string; keyId: string };

/** What an `Authorization` header opens; `null`: nothing, `exhausted`: nothing, and its sender has tried too often. */
export type Verdict = Identity | null | 'exhausted';

export type Authenticate = {
  (authorization: string | undefined, address?: string | null): Promise<Verdict>;
  /** Keys have changed in this process: they are read before the next look. */
  changed(): void;
};

/** The project that a header opens, for the Publish API, which tells nobody that it was asked too often. */
export function projectOf(authenticate: Authenticate) {
  return async (authorization: string | undefined, address: string | null) => {
    const identity = await authenticate(authorization, address);
    return identity === 'exhausted' ? null : (identity?.projectId ?? null);
  };
}

/**
 * Checks API keys against all that are valid, which are few and kept in memory: a wrong one costs a hash, and no query
 * of its own.
 */
export function createAuthenticate(db: Db): Authenticate {
  const known = createKnownKeys(db);
  const refusals = createRefusals();
  const noted = new Map<string, number>();

  async function authenticate(authorization: string | undefined, address: string | null = null) {
    const key = keyOf(authorization);
    if (key === null) return null;
    const hash = hashOfKey(key);
    const row = await known.find(hash, () => refusals.mayTry(address));
    if (row) {
      noteUse(row);
      return { projectId: row.project_id, keyId: row.id };
    }
    return refusals.count(address) ? null : ('exhausted' as const);
  }

  function noteUse({ id }: ApiKeyRow): void {
    const nowMs = performance.now();
    if (nowMs - (noted.get(id) ?? -Infinity) < USE_NOTED_MS) return;
    noted.set(id, nowMs);
    // It says something about the past to people; nothing hangs on it.
    noteKeyUse(db, id).catch(() => noted.delete(id));
  }

  return Object.assign(authenticate, { changed: () => known.forget() });
}

function createKnownKeys(db: Db) {
  let keys = new Map<string, ApiKeyRow>();
  let readAt = -Infinity;
  let changes = 0;
  let reading: Promise<void> | undefined;
  const ageMs = () => performance.now() - readAt;

  function read(): Promise<void> {
    const [startedAt, startedAfter] = [performance.now(), changes];
    reading ??= listValidKeys(db)
      .then((rows) => {
        // What was read may be of before the change.
        if (changes !== startedAfter) return;
        keys = new Map(rows.map((row) => [row.hash.toString('latin1'), row]));
        readAt = startedAt;
      })
      .finally(() => (reading = undefined));
    return reading;
  }

  function look(hash: Buffer): ApiKeyRow | null {
    const row = keys.get(hash.toString('latin1'));
    // The map found it; the comparison that decides takes the same time for every key.
    if (!row || !timingSafeEqual(row.hash, hash)) return null;
    return row.expires_at === null || row.expires_at.getTime() > gatewayNow() ? row : null;
  }

  return {
    forget(): void {
      changes++;
      readAt = -Infinity;
    },
    async find(hash: Buffer, mayRead: () => boolean): Promise<ApiKeyRow | null> {
      const askedAt = performance.now();
      // What was read since is new enough, however long it took: a slow database would be asked for ever.
      while (ageMs() > KNOWN_MS && readAt < askedAt) await read();
      const row = look(hash);
      if (row || ageMs() <= UNKNOWN_MS || !mayRead()) return row;
      await read();
      return look(hash);
    },
  };
}

/** The key of `Bearer <key>`, or of Basic with the key as user name. */
function keyOf(header: string | undefined): string | null {
  const [, scheme = '', value = ''] = /^(\w+) +(\S+) *$/.exec(header ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return null;
  const [user = ''] = Buffer.from(value, 'base64').toString('utf8').split(':');
  return user === '' ? null : user;
}
