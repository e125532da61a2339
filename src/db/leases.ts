import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

export type Lease = { eventId: string; group: string };

/**
 * How many requests are open to a destination, by group ('' for none). Leases that nobody renews run out; but after
 * a restart of the database nobody could renew, so they hold for that long again.
 */
export async function countLeases(
  db: Db,
  { destinationId, leaseMs }: { destinationId: string; leaseMs: number },
): Promise<Map<string, number>> {
  const { rows } = await db.query<{ delivery_group: string; n: number }>(sql`
    select delivery_group, count(*)::integer as n from leases
    where destination_id = ${destinationId} and (expires_at > clock_timestamp()
      or clock_timestamp() < pg_postmaster_start_time() + make_interval(secs => ${leaseMs / 1000})
        and expires_at > pg_postmaster_start_time() - make_interval(secs => ${leaseMs / 1000}))
    group by delivery_group`);
  return new Map(rows.map((row) => [row.delivery_group, row.n]));
}

export async function takeLeases(
  db: Db,
  { destinationId, leases, leaseMs }: { destinationId: string; leases: Lease[]; leaseMs: number },
): Promise<void> {
  await db.query(sql`
    insert into leases (event_id, destination_id, delivery_group, expires_at)
    select l.event_id, ${destinationId}, l.delivery_group, clock_timestamp() + make_interval(secs => ${leaseMs / 1000})
    from unnest(${leases.map((l) => l.eventId)}::text[], ${leases.map((l) => l.group)}::text[]) as l (event_id, delivery_group)
    on conflict (event_id) do update set expires_at = excluded.expires_at`);
}

export async function renewLeases(
  db: Db,
  { eventIds, leaseMs }: { eventIds: string[]; leaseMs: number },
): Promise<void> {
  await db.query(sql`
    update leases set expires_at = clock_timestamp() + make_interval(secs => ${leaseMs / 1000})
    where event_id = any(${eventIds})`);
}

/** Ends leases; those that ran out long ago go with them. */
export async function endLeases(db: Db, eventIds: string[]): Promise<void> {
  await db.query(sql`
    delete from leases where event_id = any(${eventIds}) or expires_at < now() - interval '1 hour'`);
}
