import { createHash } from 'node:crypto';
import sql from 'sql-template-tag';
import { newId } from './ids.ts';
import type { Db } from './pool.ts';

const FINGERPRINT_LETTERS = 8;

export type ApiKeyRow = { id: string; project_id: string; hash: Buffer; expires_at: Date | null };

/** SHA-256 of a key: all that is kept of it. */
export function hashOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Makes `key` open the project; does nothing where it already does. */
export async function ensureFirstKey(
  db: Db,
  { projectId, key }: { projectId: string; key: string },
): Promise<void> {
  const hash = hashOfKey(key);
  const fingerprint = hash.toString('hex').slice(0, FINGERPRINT_LETTERS);
  await db.query(sql`
    insert into api_keys (id, project_id, label, hash, fingerprint)
    values (${newId('apiKey')}, ${projectId}, 'first key', ${hash}, ${fingerprint})
    on conflict (hash) do nothing`);
}

/** The key with this hash, unless it has expired. */
export async function findApiKey(db: Db, hash: Buffer): Promise<ApiKeyRow | null> {
  const { rows } = await db.query<ApiKeyRow>(
    sql`select id, project_id, hash, expires_at from api_keys
        where hash = ${hash} and (expires_at is null or expires_at > now())`,
  );
  return rows[0] ?? null;
}
