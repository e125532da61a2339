import type { Db } from './pool.ts';
import { bounds } from './ids.ts';

/** What an event is like before anything is begun: it may be sent, or why not. */
export type Look =
  | { kind: 'ready'; eventId: string; group: string | null }
  | { kind: 'settled'; eventId: string }
  | { kind: 'later'; eventId: string; dueAtMs: number }
  | { kind: 'held'; eventId: string; gateId: string }
  | { kind: 'withheld'; eventId: string }
  | { kind: 'cancelled'; eventId: string }
  | { kind: 'laned'; eventId: string; connectionId: string; group: string | null };

type Row = {
  id: string;
  delivery_group: string | null;
  connection_id: string;
  destination_id: string;
  next_attempt_at: Date | null;
  settled: boolean;
  closed: boolean;
  laned: boolean;
  destination_paused: boolean;
  connection_paused: boolean;
  withheld: boolean;
};

const LOOK = `
  select e.id, e.delivery_group, e.connection_id, e.destination_id, e.next_attempt_at, e.lane_key is not null as laned,
    e.status in ('SUCCESSFUL', 'CANCELLED') or (e.status = 'FAILED' and e.next_attempt_at is null) as settled,
    d.paused_at is not null as destination_paused, c.paused_at is not null as connection_paused,
    coalesce(d.held_until > to_timestamp($4::double precision / 1000) and d.held_url = d.config->>'url', false) as withheld,
    d.disabled_at is not null or d.deleted_at is not null or c.disabled_at is not null or c.deleted_at is not null as closed
  from events e
    join destinations d on d.id = e.destination_id
    join connections c on c.id = e.connection_id
  where e.id = any($1) and e.id >= $2 and e.id <= $3
  order by e.id`;

/** Looks at events and their gates, as `beginAttempts` does, and begins nothing. */
export async function lookAtEvents(
  db: Db,
  { eventIds, nowMs }: { eventIds: string[]; nowMs: number },
): Promise<Look[]> {
  const { rows } = await db.query<Row>({
    name: 'look-at-events',
    text: LOOK,
    values: [eventIds, ...bounds(eventIds), nowMs],
  });
  return rows.map((row): Look => {
    const { id: eventId, connection_id: connectionId } = row;
    const dueAtMs = row.next_attempt_at?.getTime() ?? 0;
    if (row.settled) return { kind: 'settled', eventId };
    if (row.closed) return { kind: 'cancelled', eventId };
    if (row.laned) return { kind: 'laned', eventId, connectionId, group: row.delivery_group };
    if (dueAtMs > nowMs) return { kind: 'later', eventId, dueAtMs };
    if (row.destination_paused) return { kind: 'held', eventId, gateId: row.destination_id };
    if (row.connection_paused) return { kind: 'held', eventId, gateId: connectionId };
    if (row.withheld) return { kind: 'withheld', eventId };
    return { kind: 'ready', eventId, group: row.delivery_group };
  });
}
