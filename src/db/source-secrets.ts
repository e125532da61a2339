import sql from 'sql-template-tag';
import type { Database } from './pool.ts';
import type { Sealer } from './sealing.ts';

/**
 * Keeps a secret that a provider handed over, as the source's own. Returns false where the source has one already:
 * a stranger's handshake must not replace it.
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
      sql`select project_id, auth from sources where id = ${sourceId} and deleted_at is null for update`,
    );
    const row = rows[0];
    if (!row) return false;
    const context = `${row.project_id}/sources/${sourceId}`;
    const auth = (row.auth ? sealer.open(row.auth, context) : {}) as Record<string, unknown>;
    if (typeof auth[field] === 'string' && auth[field] !== '') return false;
    const sealed = sealer.seal({ ...auth, [field]: value }, context);
    await db.query(
      sql`update sources set auth = ${sealed}, updated_at = now() where id = ${sourceId}`,
    );
    return true;
  });
}
