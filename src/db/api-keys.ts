import { createHash, randomBytes } from 'node:crypto';
import sql from 'sql-template-tag';
import { newId } from './ids.ts';
import type { Database, Db } from './pool.ts';

const FINGERPRINT_LETTERS = 8;
const PREFIX = 'sk_';
// Any constant: two callers must not both revoke the key that the other one leaves.
const KEYS_LOCK = 7_318_204_514;

/** Who made a key: `API_KEY`, the first start of a data directory, or the API. */
export const KeyOrigin = {
  Environment: 'environment',
  FirstStart: 'first_start',
  Api: 'api',
} as const;
export type KeyOrigin = (typeof KeyOrigin)[keyof typeof KeyOrigin];

export type ApiKeyRow = {
  id: string;
  project_id: string;
  label: string;
  hash: Buffer;
  fingerprint: string;
  origin: KeyOrigin;
  expires_at: Date | null;
  last_used_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

type Key = { projectId: string; id: string };

/** A new key: 256 random bits, as text. */
export function newKey(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** SHA-256 of a key: all that is kept of it. */
export function hashOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

type FirstKey = {
  projectId: string;
  key: string;
  /** Whether `API_KEY` sets it; otherwise a data directory keeps it. */
  isGiven?: boolean;
};

/**
 * Makes the key of this start open the project. `API_KEY` replaces its former values and the keys of first starts. The
 * key of a data directory stays revoked if it was revoked, and replaces nothing: another process may have `API_KEY`.
 * Returns how many valid keys were replaced.
 */
export function ensureFirstKey(
  database: Database,
  { projectId, key, isGiven = false }: FirstKey,
): Promise<number> {
  const wanted = { projectId, hash: hashOfKey(key) };
  return changingKeys(database, async (db) => {
    if (isGiven) return setGivenKey(db, wanted);
    await keepFirstKey(db, wanted);
    return 0;
  });
}

type Wanted = { projectId: string; hash: Buffer };

async function keepFirstKey(db: Db, { projectId, hash }: Wanted): Promise<void> {
  await insertKey(db, { projectId, hash, label: 'first key', origin: KeyOrigin.FirstStart });
  // Before keys had an origin, it was one of several.
  await db.query(
    sql`update api_keys set origin = ${KeyOrigin.FirstStart} where hash = ${hash} and origin <> ${KeyOrigin.FirstStart}`,
  );
}

async function setGivenKey(db: Db, { projectId, hash }: Wanted): Promise<number> {
  // A first key that was revoked stays known: without API_KEY, the next start would make it valid again.
  const { rowCount } = await db.query(sql`
    delete from api_keys where hash <> ${hash}
      and (origin = ${KeyOrigin.Environment} or origin = ${KeyOrigin.FirstStart} and revoked_at is null)`);
  await insertKey(db, { projectId, hash, label: 'API_KEY', origin: KeyOrigin.Environment });
  await db.query(sql`
    update api_keys set origin = ${KeyOrigin.Environment}, label = 'API_KEY', revoked_at = null, expires_at = null, updated_at = now()
    where hash = ${hash} and (origin <> ${KeyOrigin.Environment} or revoked_at is not null or expires_at is not null)`);
  return rowCount ?? 0;
}

type NewKey = {
  projectId: string;
  hash: Buffer;
  label: string;
  origin: KeyOrigin;
  expiresAt?: Date | null;
};

/** Keeps a key; null where it is kept already. */
export async function insertKey(
  db: Db,
  { projectId, hash, label, origin, expiresAt = null }: NewKey,
): Promise<ApiKeyRow | null> {
  const fingerprint = hash.toString('hex').slice(0, FINGERPRINT_LETTERS);
  const { rows } = await db.query<ApiKeyRow>(sql`
    insert into api_keys (id, project_id, label, hash, fingerprint, origin, expires_at)
    values (${newId('apiKey')}, ${projectId}, ${label}, ${hash}, ${fingerprint}, ${origin}, ${expiresAt})
    on conflict (hash) do nothing returning *`);
  return rows[0] ?? null;
}

/** Every key that opens something now, of all projects. */
export async function listValidKeys(db: Db): Promise<ApiKeyRow[]> {
  const { rows } = await db.query<ApiKeyRow>({
    name: 'list-valid-keys',
    text: 'select * from api_keys where revoked_at is null and (expires_at is null or expires_at > now())',
  });
  return rows;
}

/** The keys of a project but for revoked ones, the newest first. */
export async function listKeys(db: Db, projectId: string): Promise<ApiKeyRow[]> {
  const { rows } = await db.query<ApiKeyRow>(
    sql`select * from api_keys where project_id = ${projectId} and revoked_at is null order by id desc`,
  );
  return rows;
}

export async function findKey(db: Db, { projectId, id }: Key): Promise<ApiKeyRow | null> {
  const { rows } = await db.query<ApiKeyRow>(
    sql`select * from api_keys where id = ${id} and project_id = ${projectId} and revoked_at is null`,
  );
  return rows[0] ?? null;
}

/** Changes what people say about a key, and its end; absent fields stay. */
export async function updateKey(
  db: Db,
  { projectId, id, label, expiresAt }: Key & { label?: string; expiresAt?: Date | null },
): Promise<void> {
  const hasEnd = expiresAt !== undefined;
  await db.query(sql`
    update api_keys set label = coalesce(${label ?? null}, label),
      expires_at = case when ${hasEnd} then ${expiresAt ?? null} else expires_at end, updated_at = now()
    where id = ${id} and project_id = ${projectId}`);
}

export async function revokeKey(db: Db, { projectId, id }: Key): Promise<void> {
  await db.query(
    sql`update api_keys set revoked_at = now(), updated_at = now() where id = ${id} and project_id = ${projectId}`,
  );
}

/** What is done with keys one after the other: nobody takes the last but one away while somebody takes the last. */
export function changingKeys<Result>(
  database: Database,
  work: (db: Db) => Promise<Result>,
): Promise<Result> {
  return database.transaction(async (db) => {
    await db.query(sql`select pg_advisory_xact_lock(${KEYS_LOCK})`);
    return work(db);
  });
}

/** Notes that a key was used now. */
export async function noteKeyUse(db: Db, id: string): Promise<void> {
  await db.query(sql`update api_keys set last_used_at = now() where id = ${id}`);
}
