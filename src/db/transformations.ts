import sql, { join, raw, type Sql } from 'sql-template-tag';
import { Direction } from '../domain/schema/list.ts';
import type { Isolation } from '../domain/schema/transformation.ts';
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

export type TransformationRow = {
  id: string;
  project_id: string;
  name: string;
  code: string;
  /** Sealed: what the code reads as `process.env`. */
  env: Buffer;
  isolation: Isolation;
  version: number;
  deleted_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

export type TransformationVersionRow = Pick<TransformationRow, 'code' | 'env' | 'isolation'> & {
  /** The version's number as text: what a page goes on from. */
  id: string;
  transformation_id: string;
  version: number;
  created_by: string;
  created_at: Date;
};

export type TransformationFilters = {
  id?: Filter<string> | undefined;
  name?: Filter<string> | undefined;
  created_at?: Filter<Date> | undefined;
  updated_at?: Filter<Date> | undefined;
};

export type TransformationOrder = PageOrder & {
  keys: { by: 'name' | 'created_at' | 'updated_at'; dir: Direction }[];
};

type Key = { projectId: string; id: string };
type Content = Pick<TransformationRow, 'name' | 'code' | 'env' | 'isolation'> & {
  /** Who made this version. */
  by: string;
};

/** Makes the first version; null where the name is taken. */
export function insertTransformation(
  db: Db,
  { projectId, id, name, code, env, isolation, by }: Key & Content,
): Promise<TransformationRow | null> {
  return one(
    db,
    sql`with made as (
          insert into transformations (project_id, id, name, code, env, isolation)
          values (${projectId}, ${id}, ${name}, ${code}, ${env}, ${isolation})
          on conflict (project_id, name) where deleted_at is null do nothing returning *
        ), kept as (
          insert into transformation_versions (transformation_id, version, code, env, isolation, created_by)
          select id, version, code, env, isolation, ${by} from made
        )
        select * from made`,
  );
}

/** Changes one; what was changed but for the name makes a new version. Throws where the name is taken. */
export function updateTransformation(
  db: Db,
  {
    id,
    name,
    code,
    env,
    isolation,
    by,
    isNewVersion,
  }: { id: string } & Content & {
      isNewVersion: boolean;
    },
): Promise<TransformationRow | null> {
  return one(
    db,
    sql`with changed as (
          update transformations set name = ${name}, code = ${code}, env = ${env}, isolation = ${isolation},
            version = version + ${isNewVersion ? 1 : 0}, updated_at = now()
          where id = ${id} returning *
        ), kept as (
          insert into transformation_versions (transformation_id, version, code, env, isolation, created_by)
          select id, version, code, env, isolation, ${by} from changed where ${isNewVersion}
        )
        select * from changed`,
  );
}

/** Marks one as deleted: its runs stay as long as the requests they were about. */
export async function deleteTransformation(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update transformations set deleted_at = now(), updated_at = now() where id = ${id}`,
  );
}

/** Deleted ones too. */
export function findTransformation(db: Db, { projectId, id }: Key) {
  return one(db, sql`select * from transformations where id = ${id} and project_id = ${projectId}`);
}

/** Deleted ones too. For a change: nobody else changes it until the transaction ends. */
export function lockTransformation(db: Db, { projectId, id }: Key) {
  return one(
    db,
    sql`select * from transformations where id = ${id} and project_id = ${projectId} for update`,
  );
}

export function findTransformationByName(
  db: Db,
  { projectId, name }: { projectId: string; name: string },
) {
  return one(
    db,
    sql`select * from transformations
        where project_id = ${projectId} and name = ${name} and deleted_at is null`,
  );
}

/** For a change, by its name. */
export function lockTransformationByName(
  db: Db,
  { projectId, name }: { projectId: string; name: string },
) {
  return one(
    db,
    sql`select * from transformations
        where project_id = ${projectId} and name = ${name} and deleted_at is null for update`,
  );
}

/** Which of these exist; they cannot be deleted until the transaction ends. */
export async function holdTransformations(
  db: Db,
  { projectId, ids }: { projectId: string; ids: string[] },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    sql`select id from transformations
        where id = any(${ids}) and project_id = ${projectId} and deleted_at is null order by id for share`,
  );
  return rows.map((row) => row.id);
}

/** The connections that use a transformation, with the name by which people know them. */
export async function listConnectionsUsing(
  db: Db,
  { projectId, id }: Key,
): Promise<{ id: string; name: string }[]> {
  const rule = JSON.stringify([{ type: 'transform', transformation_id: id }]);
  const { rows } = await db.query<{ id: string; name: string }>(
    sql`select c.id, s.name || ' -> ' || coalesce(c.name, c.id) as name
        from connections c join sources s on s.id = c.source_id
        where c.rules @> ${rule}::jsonb and c.project_id = ${projectId} and c.deleted_at is null order by c.id`,
  );
  return rows;
}

export async function listTransformations(
  db: Db,
  {
    projectId,
    filters,
    page,
  }: { projectId: string; filters: TransformationFilters; page: TransformationOrder },
): Promise<Page<TransformationRow>> {
  const backwards = isBackwards(page);
  const keys: SortKey[] = [...page.keys, { by: 'id', dir: page.dir }].map(({ by, dir }) => ({
    expression: raw(by),
    dir: directionOf(dir, backwards),
  }));
  const cursor = page.prev ?? page.next;
  const value = (index: number) =>
    sql`(select ${keys[index]!.expression} from transformations where id = ${cursor})`;
  const conditions = conditionsOf(projectId, filters);
  if (cursor !== undefined) conditions.push(beyond(keys, value));
  const { rows } = await db.query<TransformationRow>(
    sql`select * from transformations where ${join(conditions, ' and ')} ${orderBy(keys)} limit ${page.limit + 1}`,
  );
  return pageOf(rows, page);
}

export async function countTransformations(
  db: Db,
  { projectId, filters }: { projectId: string; filters: TransformationFilters },
): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*)::integer as count from transformations
        where ${join(conditionsOf(projectId, filters), ' and ')}`,
  );
  return rows[0]!.count;
}

/** A page of versions, by their number. */
export async function listVersions(
  db: Db,
  { transformationId, page }: { transformationId: string; page: PageOrder },
): Promise<Page<TransformationVersionRow>> {
  const dir = directionOf(page.dir, isBackwards(page));
  const cursor = page.prev ?? page.next;
  const after = raw(dir === Direction.Ascending ? '>' : '<');
  const { rows } = await db.query<TransformationVersionRow>(
    sql`select *, version::text as id from transformation_versions
        where transformation_id = ${transformationId}
          and (${cursor ?? null}::integer is null or version ${after} ${cursor ?? null}::integer)
        order by version ${raw(dir)} limit ${page.limit + 1}`,
  );
  return pageOf(rows, page);
}

export async function findVersion(
  db: Db,
  { transformationId, version }: { transformationId: string; version: number },
): Promise<TransformationVersionRow | null> {
  const { rows } = await db.query<TransformationVersionRow>(
    sql`select *, version::text as id from transformation_versions
        where transformation_id = ${transformationId} and version = ${version}`,
  );
  return rows[0] ?? null;
}

async function one(db: Db, statement: Sql): Promise<TransformationRow | null> {
  const { rows } = await db.query<TransformationRow>(statement);
  return rows[0] ?? null;
}

function conditionsOf(projectId: string, filters: TransformationFilters): Sql[] {
  return [
    sql`project_id = ${projectId}`,
    sql`deleted_at is null`,
    ...conditionsOn('id', filters.id),
    ...conditionsOn('name', filters.name),
    ...conditionsOn('created_at', filters.created_at),
    ...conditionsOn('updated_at', filters.updated_at),
  ];
}
