import sql from 'sql-template-tag';
import { readClock } from './clock.ts';
import type { Db } from './pool.ts';

/** How far a pace has been used up, and the pace (in words) it was reckoned with; times in ms since 1970. */
export type KeptSlots = {
  group: string;
  words: string;
  nextAtMs: number;
  lineAtMs: number;
};

/** Makes the rows of a destination ('') and of its groups where they are missing. */
export async function ensureSlots(
  db: Db,
  { destinationId, groups }: { destinationId: string; groups: string[] },
): Promise<void> {
  await db.query(sql`
    insert into rate_slots (destination_id, delivery_group, pace, next_at, line_at)
    select ${destinationId}, g, '', 0, 0 from unnest(${groups}::text[]) as g
    on conflict do nothing`);
}

/** Reads these rows, and keeps them from everybody else until the transaction ends; with the database's time. */
export async function lockSlots(
  db: Db,
  { destinationId, groups }: { destinationId: string; groups: string[] },
): Promise<{ nowMs: number; slots: KeptSlots[] }> {
  const { rows } = await db.query<{
    delivery_group: string;
    pace: string;
    next_at: number;
    line_at: number;
  }>({
    name: 'lock-slots',
    text: `select delivery_group, pace, next_at, line_at from rate_slots
           where destination_id = $1 and delivery_group = any($2) order by delivery_group for update`,
    values: [destinationId, groups],
  });
  return {
    // Asked after the wait for the rows: their times are those of whoever had them before.
    nowMs: await readClock(db),
    slots: rows.map((row) => ({
      group: row.delivery_group,
      words: row.pace,
      nextAtMs: row.next_at,
      lineAtMs: row.line_at,
    })),
  };
}

export async function saveSlots(
  db: Db,
  { destinationId, slots }: { destinationId: string; slots: KeptSlots[] },
): Promise<void> {
  await db.query({
    name: 'save-slots',
    text: `update rate_slots r set pace = s.pace, next_at = s.next_at, line_at = s.line_at
           from unnest($2::text[], $3::text[], $4::double precision[], $5::double precision[]) as s (delivery_group, pace, next_at, line_at)
           where r.destination_id = $1 and r.delivery_group = s.delivery_group`,
    values: [
      destinationId,
      slots.map((slot) => slot.group),
      slots.map((slot) => slot.words),
      slots.map((slot) => slot.nextAtMs),
      slots.map((slot) => slot.lineAtMs),
    ],
  });
}
