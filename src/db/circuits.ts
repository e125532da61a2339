import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

/** What one worker thinks of a destination that fails. */
export type CircuitRow = { destinationId: string; failures: number; probeAtMs: number | null };

/** Writes what a worker thinks; a circuit that is closed has no row. */
export async function saveCircuit(
  db: Db,
  { worker, circuit }: { worker: string; circuit: CircuitRow },
): Promise<void> {
  const { destinationId, failures, probeAtMs } = circuit;
  if (probeAtMs === null) {
    await db.query(
      sql`delete from circuits where destination_id = ${destinationId} and worker = ${worker}`,
    );
    return;
  }
  await db.query(sql`
    insert into circuits (destination_id, worker, state, failures, opened_at, probe_at)
    values (${destinationId}, ${worker}, 'open', ${failures}, now(), to_timestamp(${probeAtMs / 1000}::double precision))
    on conflict (destination_id, worker) do update set failures = excluded.failures, probe_at = excluded.probe_at,
      updated_at = now()`);
}

/** Forgets what a worker thought, and what those thought that ended without saying so. */
export async function forgetCircuits(db: Db, worker: string): Promise<void> {
  await db.query(
    sql`delete from circuits where worker = ${worker} or updated_at < now() - interval '10 minutes'`,
  );
}

/** Destinations that some worker has stopped sending to, with the time of the next probe. */
export async function listOpenCircuits(
  db: Db,
  destinationIds: string[],
): Promise<{ destinationId: string; openedAt: Date; probeAt: Date }[]> {
  const { rows } = await db.query<{ destination_id: string; opened_at: Date; probe_at: Date }>(sql`
    select destination_id, min(opened_at) as opened_at, min(probe_at) as probe_at from circuits
    where destination_id = any(${destinationIds}) group by destination_id`);
  return rows.map((row) => ({
    destinationId: row.destination_id,
    openedAt: row.opened_at,
    probeAt: row.probe_at,
  }));
}
