import sql, { raw, type Sql } from 'sql-template-tag';
import type { Gate, GateKind, GateState } from '../domain/control.ts';
import type { DeliveryPolicy } from '../domain/schema/delivery-policy.ts';
import type { Db } from './pool.ts';
import { storableJson, storableText } from './storable.ts';

type Row = {
  paused_at: Date | null;
  pause_reason: string | null;
  epoch: number;
  deleted_at: Date | null;
};

const TABLES: Record<GateKind, Sql> = {
  destination: raw('destinations'),
  connection: raw('connections'),
};

const COLUMNS: Record<GateKind, Sql> = {
  destination: raw('destination_id'),
  connection: raw('connection_id'),
};

/** What a gate is like now; null where nothing has this id. */
export function readGate(db: Db, gate: Gate): Promise<GateState | null> {
  return oneGate(
    db,
    sql`select paused_at, pause_reason, epoch, deleted_at from ${TABLES[gate.kind]} where id = ${gate.id}`,
  );
}

/** Shuts a gate. One that is shut already keeps the time it was shut at. */
export function shutGate(
  db: Db,
  { gate, reason }: { gate: Gate; reason: string | null },
): Promise<GateState | null> {
  return oneGate(
    db,
    sql`update ${TABLES[gate.kind]} set paused_at = coalesce(paused_at, now()), pause_reason = ${reason && storableText(reason)}, epoch = epoch + 1,
          updated_at = now() where id = ${gate.id} returning paused_at, pause_reason, epoch, deleted_at`,
  );
}

/** Opens a gate; a destination is held no longer either by what its receiver asked for. */
export function openGate(db: Db, gate: Gate): Promise<GateState | null> {
  return oneGate(
    db,
    sql`update ${TABLES[gate.kind]} set paused_at = null, pause_reason = null, epoch = epoch + 1, updated_at = now()
          ${gate.kind === 'destination' ? sql`, held_until = null, held_url = null` : sql``}
        where id = ${gate.id} returning paused_at, pause_reason, epoch, deleted_at`,
  );
}

export function setDeliveryPolicy(
  db: Db,
  { destinationId, policy }: { destinationId: string; policy: DeliveryPolicy | null },
): Promise<GateState | null> {
  return oneGate(
    db,
    sql`update destinations set config = jsonb_set(config, '{delivery_policy}', ${storableJson(policy)}::jsonb),
          epoch = epoch + 1, updated_at = now()
        where id = ${destinationId} returning paused_at, pause_reason, epoch, deleted_at`,
  );
}

/** How many events of a destination or connection wait as HOLD. Counting stops at 100,000. */
export async function countHeld(db: Db, { kind, id }: Gate): Promise<number> {
  const { rows } = await db.query<{ held: number }>(sql`
    select count(*)::integer as held from (
      select 1 from events e where e.noted_status = 'HOLD' and e.${COLUMNS[kind]} = ${id}
        and e.project_id = (select project_id from ${TABLES[kind]} where id = ${id})
      limit 100000
    ) as held_events`);
  return rows[0]!.held;
}

/** What of a destination, or of a connection and its destination, has no control workflow yet. */
export async function listUncontrolledOf(db: Db, id: string): Promise<Gate[]> {
  const { rows } = await db.query<Gate>(sql`
    select 'destination' as kind, id from destinations
      where control_started_at is null and deleted_at is null
        and (id = ${id} or id = (select destination_id from connections where id = ${id}))
    union all
    select 'connection' as kind, id from connections
      where control_started_at is null and deleted_at is null and id = ${id}`);
  return rows;
}

/** What can be paused but has no control workflow yet. */
export async function listUncontrolled(db: Db, limit: number): Promise<Gate[]> {
  const { rows } = await db.query<Gate>(sql`
    (select 'destination' as kind, id from destinations where control_started_at is null and deleted_at is null limit ${limit})
    union all
    (select 'connection' as kind, id from connections where control_started_at is null and deleted_at is null limit ${limit})`);
  return rows;
}

/** What has a control workflow, in order of ids, from behind one of them. */
export async function listControlled(
  db: Db,
  { after, limit }: { after: string; limit: number },
): Promise<Gate[]> {
  const { rows } = await db.query<Gate>(sql`
    select * from (
      (select 'destination' as kind, id from destinations
        where control_started_at is not null and deleted_at is null and id > ${after} order by id limit ${limit})
      union all
      (select 'connection' as kind, id from connections
        where control_started_at is not null and deleted_at is null and id > ${after} order by id limit ${limit})
    ) as g order by id limit ${limit}`);
  return rows;
}

export async function markControlled(db: Db, gates: Gate[]): Promise<void> {
  for (const kind of ['destination', 'connection'] as const) {
    const ids = gates.filter((gate) => gate.kind === kind).map((gate) => gate.id);
    if (ids.length === 0) continue;
    await db.query(
      sql`update ${TABLES[kind]} set control_started_at = now() where id = any(${ids})`,
    );
  }
}

async function oneGate(db: Db, statement: Sql): Promise<GateState | null> {
  const { rows } = await db.query<Row>(statement);
  const row = rows[0];
  if (!row) return null;
  return {
    paused: row.paused_at !== null,
    pausedAt: row.paused_at?.toISOString() ?? null,
    reason: row.pause_reason,
    epoch: row.epoch,
    gone: row.deleted_at !== null,
    refused: null,
  };
}
