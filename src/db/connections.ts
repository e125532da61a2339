import sql, { join, raw, type Sql } from 'sql-template-tag';
import type { Ordering } from '../domain/lane.ts';
import type { Direction } from '../domain/schema/list.ts';
import type { Rule } from '../domain/schema/rule.ts';
import type { WebhookHeaders } from '../domain/status.ts';
import { type DestinationRow, destinations } from './destinations.ts';
import type { Db } from './pool.ts';
import {
  beyond,
  conditionsOn,
  directionOf,
  type Filter,
  isBackwards,
  orderBy,
  type Page,
  pageOf,
  type PageOrder,
  type SortKey,
} from './query.ts';
import { sources, type SourceRow } from './sources.ts';

export type ConnectionRow = {
  id: string;
  project_id: string;
  name: string | null;
  description: string | null;
  source_id: string;
  destination_id: string;
  rules: Rule[];
  ordering: Ordering | null;
  webhook_headers: WebhookHeaders;
  paused_at: Date | null;
  pause_reason: string | null;
  disabled_at: Date | null;
  deleted_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

/** A connection with both its ends. */
export type JoinedConnection = {
  id: string;
  connection: ConnectionRow;
  source: SourceRow;
  destination: DestinationRow;
};

export type ConnectionFilters = {
  id?: Filter<string> | undefined;
  name?: Filter<string> | undefined;
  source_id?: Filter<string> | undefined;
  destination_id?: Filter<string> | undefined;
  disabled?: boolean | undefined;
  disabled_at?: Filter<Date> | undefined;
  paused_at?: Filter<Date> | undefined;
  full_name?: string | undefined;
};

/** What connections can be sorted by, with the expression each stands for. */
export const CONNECTION_ORDER = {
  full_name: `s.name || ' -> ' || coalesce(c.name, '')`,
  created_at: 'c.created_at',
  updated_at: 'c.updated_at',
  'sources.name': 's.name',
  'sources.created_at': 's.created_at',
  'sources.updated_at': 's.updated_at',
  'destinations.name': 'd.name',
  'destinations.created_at': 'd.created_at',
  'destinations.updated_at': 'd.updated_at',
} as const;
export type ConnectionOrder = PageOrder & {
  keys: { by: keyof typeof CONNECTION_ORDER; dir: Direction }[];
};

type Key = { projectId: string; id: string };
type Content = Pick<ConnectionRow, 'name' | 'description' | 'rules'> & {
  /** Left as it is where it is not given. */
  ordering?: Ordering | null | undefined;
  webhookHeaders?: WebhookHeaders | undefined;
};

const JOINED = raw(
  'connections c join sources s on s.id = c.source_id join destinations d on d.id = c.destination_id',
);

/** False where the source has a connection of this name. */
export async function insertConnection(
  db: Db,
  row: Key & Content & { sourceId: string; destinationId: string },
): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    insert into connections (project_id, id, name, description, source_id, destination_id, rules, ordering, webhook_headers)
    values (${row.projectId}, ${row.id}, ${row.name}, ${row.description}, ${row.sourceId}, ${row.destinationId},
      ${JSON.stringify(row.rules)}, ${row.ordering ? JSON.stringify(row.ordering) : null},
      ${row.webhookHeaders ?? 'replace'})
    on conflict (source_id, name) where deleted_at is null do nothing`);
  return rowCount === 1;
}

/** Throws where the source has another connection of this name. */
export async function updateConnection(
  db: Db,
  row: { id: string; destinationId?: string } & Content,
): Promise<void> {
  const ordering =
    row.ordering === undefined
      ? sql`ordering`
      : sql`${row.ordering && JSON.stringify(row.ordering)}::jsonb`;
  await db.query(sql`
    update connections set name = ${row.name}, description = ${row.description}, rules = ${JSON.stringify(row.rules)},
      ordering = ${ordering}, webhook_headers = coalesce(${row.webhookHeaders ?? null}, webhook_headers),
      destination_id = coalesce(${row.destinationId ?? null}, destination_id), updated_at = now()
    where id = ${row.id}`);
}

export async function setConnectionDisabled(
  db: Db,
  { id, disabled }: { id: string; disabled: boolean },
): Promise<void> {
  const at = disabled ? sql`coalesce(disabled_at, now())` : sql`null`;
  await db.query(
    sql`update connections set disabled_at = ${at}, updated_at = now() where id = ${id}`,
  );
}

export async function deleteConnection(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update connections set deleted_at = now(), updated_at = now() where id = ${id} and deleted_at is null`,
  );
}

/** Deleted ones too. For a change: nobody else changes it until the transaction ends. */
export async function lockConnection(db: Db, key: Key): Promise<ConnectionRow | null> {
  const { rows } = await db.query<ConnectionRow>(
    sql`select * from connections where id = ${key.id} and project_id = ${key.projectId} for update`,
  );
  return rows[0] ?? null;
}

/** The connection of a source by its name; an unnamed one by its destination. */
export async function lockConnectionByName(
  db: Db,
  wanted: { sourceId: string; name: string | null; destinationId: string },
): Promise<ConnectionRow | null> {
  const match =
    wanted.name === null
      ? sql`name is null and destination_id = ${wanted.destinationId}`
      : sql`name = ${wanted.name}`;
  const { rows } = await db.query<ConnectionRow>(
    sql`select * from connections where source_id = ${wanted.sourceId} and deleted_at is null and ${match}
        order by id limit 1 for update`,
  );
  return rows[0] ?? null;
}

/** Deleted ones too. */
export async function findConnection(
  db: Db,
  { projectId, id }: Key,
): Promise<JoinedConnection | null> {
  const [joined] = await findConnections(db, { projectId, ids: [id] });
  return joined ?? null;
}

/** These connections, deleted ones too. */
export async function findConnections(
  db: Db,
  { projectId, ids }: { projectId: string; ids: string[] },
): Promise<JoinedConnection[]> {
  const { rows } = await db.query<ConnectionRow>(
    sql`select * from connections where id = any(${ids}) and project_id = ${projectId} order by id`,
  );
  return withEnds(db, rows);
}

export async function listConnections(
  db: Db,
  {
    projectId,
    filters,
    page,
  }: { projectId: string; filters: ConnectionFilters; page: ConnectionOrder },
): Promise<Page<JoinedConnection>> {
  const backwards = isBackwards(page);
  const keys: SortKey[] = page.keys.map(({ by, dir }) => ({
    expression: raw(CONNECTION_ORDER[by]),
    dir: directionOf(dir, backwards),
  }));
  keys.push({ expression: raw('c.id'), dir: directionOf(page.dir, backwards) });
  const cursor = page.prev ?? page.next;
  const value = (index: number) =>
    sql`(select ${keys[index]!.expression} from ${JOINED} where c.id = ${cursor})`;
  const conditions = conditionsOf(projectId, filters);
  if (cursor !== undefined) conditions.push(beyond(keys, value));
  const { rows } = await db.query<ConnectionRow>(
    sql`select c.* from ${JOINED} where ${join(conditions, ' and ')} ${orderBy(keys)} limit ${page.limit + 1}`,
  );
  return pageOf(await withEnds(db, rows), page);
}

export async function countConnections(
  db: Db,
  { projectId, filters }: { projectId: string; filters: ConnectionFilters },
): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*)::integer as count from ${JOINED} where ${join(conditionsOf(projectId, filters), ' and ')}`,
  );
  return rows[0]?.count ?? 0;
}

/** The connections that were ever made from these sources, deleted ones too. */
export async function listConnectionIds(
  db: Db,
  { projectId, sourceIds }: { projectId: string; sourceIds: string[] },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    sql`select id from connections where source_id = any(${sourceIds}) and project_id = ${projectId} order by id`,
  );
  return rows.map((row) => row.id);
}

function conditionsOf(projectId: string, filters: ConnectionFilters): Sql[] {
  const { disabled, full_name: fullName } = filters;
  const wanted = fullName?.toLowerCase();
  return [
    sql`c.project_id = ${projectId}`,
    sql`c.deleted_at is null`,
    ...(disabled === undefined ? [] : [sql`(c.disabled_at is not null) = ${disabled}`]),
    ...(wanted === undefined
      ? []
      : [sql`strpos(lower(${raw(CONNECTION_ORDER.full_name)}), ${wanted}) > 0`]),
    ...conditionsOn('c.id', filters.id),
    ...conditionsOn('c.name', filters.name),
    ...conditionsOn('c.source_id', filters.source_id),
    ...conditionsOn('c.destination_id', filters.destination_id),
    ...conditionsOn('c.disabled_at', filters.disabled_at),
    ...conditionsOn('c.paused_at', filters.paused_at),
  ];
}

async function withEnds(db: Db, rows: ConnectionRow[]): Promise<JoinedConnection[]> {
  if (rows.length === 0) return [];
  const sourceIds = [...new Set(rows.map((row) => row.source_id))];
  const destinationIds = [...new Set(rows.map((row) => row.destination_id))];
  const sourceOf = byId(await sources.findAll(db, sourceIds));
  const destinationOf = byId(await destinations.findAll(db, destinationIds));
  return rows.flatMap((connection) => {
    const source = sourceOf.get(connection.source_id);
    const destination = destinationOf.get(connection.destination_id);
    return source && destination ? [{ id: connection.id, connection, source, destination }] : [];
  });
}

function byId<Row extends { id: string }>(rows: Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.id, row]));
}
