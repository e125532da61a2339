import sql from 'sql-template-tag';
import type { Database } from './pool.ts';
import type { Sealer } from './sealing.ts';

/**
 * Keeps a secret that a provider handed over as the source's own, and ends the source's set-up window. Returns false
 * where the source has a secret already or is not being set up: a stranger's handshake must neither set nor replace it.
 */
export function keepSourceSecret(
  database: Database,
  {
    sealer,
    sourceId,
    field,
    value,
  }: { sealer: Sealer; sourceId: string; field: string; value: string },
): Promise<boolean> {
  return database.transaction(async (db) => {
    const { rows } = await db.query<{ project_id: string; auth: Buffer | null }>(
      sql`select project_id, auth from sources
          where id = ${sourceId} and deleted_at is null and setup_until > now() for update`,
    );
    const row = rows[0];
    if (!row) return false;
    const context = `${row.project_id}/sources/${sourceId}`;
    const auth = (row.auth ? sealer.open(row.auth, context) : {}) as Record<string, unknown>;
    if (typeof auth[field] === 'string' && auth[field] !== '') return false;
    const sealed = sealer.seal({ ...auth, [field]: value }, context);
    await db.query(
      sql`update sources set auth = ${sealed}, setup_until = null, updated_at = now() where id = ${sourceId}`,
    );
    return true;
  });
}
