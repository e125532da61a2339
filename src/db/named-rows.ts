import sql, { join, raw, type Sql } from 'sql-template-tag';
import type { Direction } from '../domain/schema/list.ts';
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
  where,
} from './query.ts';

/** What sources and destinations have in common: a name in a project, a type, a configuration, sealed credentials. */
export type NamedRow = {
  id: string;
  project_id: string;
  name: string;
  description: string | null;
  type: string;
  config: object;
  auth: Buffer | null;
  disabled_at: Date | null;
  deleted_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

export type NamedFilters = {
  id?: Filter<string> | undefined;
  name?: Filter<string> | undefined;
  type?: Filter<string> | undefined;
  disabled?: boolean | undefined;
  disabled_at?: Filter<Date> | undefined;
  created_at?: Filter<Date> | undefined;
  updated_at?: Filter<Date> | undefined;
};

export type NamedOrder = PageOrder & {
  keys: { by: 'name' | 'created_at' | 'updated_at'; dir: Direction }[];
};

type Key = { projectId: string; id: string };
type Content = Pick<NamedRow, 'name' | 'description' | 'type' | 'config' | 'auth'>;

export type NamedTable<Row extends NamedRow> = ReturnType<typeof namedRows<Row>>;

/** The statements on `sources` or on `destinations`. */
export function namedRows<Row extends NamedRow>(table: 'sources' | 'destinations') {
  const name = raw(table);
  const one = async (db: Db, statement: Sql) => (await db.query<Row>(statement)).rows[0] ?? null;

  return {
    /** Null where the name is taken. */
    insert: (db: Db, { projectId, id, ...row }: Key & Content) =>
      one(
        db,
        sql`insert into ${name} (project_id, id, name, description, type, config, auth)
            values (${projectId}, ${id}, ${row.name}, ${row.description}, ${row.type}, ${JSON.stringify(row.config)}, ${row.auth})
            on conflict (project_id, name) where deleted_at is null do nothing returning *`,
      ),

    /** Deleted ones too. */
    find: (db: Db, { projectId, id }: Key) =>
      one(db, sql`select * from ${name} where id = ${id} and project_id = ${projectId}`),

    /** Deleted ones too. */
    findAll: async (db: Db, ids: string[]) =>
      (await db.query<Row>(sql`select * from ${name} where id = any(${ids})`)).rows,

    /** For a change: nobody else changes it until the transaction ends. */
    lock: (db: Db, { projectId, id }: Key) =>
      one(db, sql`select * from ${name} where id = ${id} and project_id = ${projectId} for update`),

    lockByName: (db: Db, { projectId, name: wanted }: { projectId: string; name: string }) =>
      one(
        db,
        sql`select * from ${name} where project_id = ${projectId} and name = ${wanted} and deleted_at is null for update`,
      ),

    /** Throws where the name is taken. */
    update: (db: Db, { id, ...row }: { id: string } & Content) =>
      one(
        db,
        sql`update ${name} set name = ${row.name}, description = ${row.description}, type = ${row.type},
              config = ${JSON.stringify(row.config)}, auth = ${row.auth}, updated_at = now()
            where id = ${id} returning *`,
      ),

    list: (
      db: Db,
      { projectId, filters, page }: { projectId: string; filters: NamedFilters; page: NamedOrder },
    ) => listRows<Row>(db, { table, conditions: conditionsOf(projectId, filters), page }),

    count: async (db: Db, { projectId, filters }: { projectId: string; filters: NamedFilters }) => {
      const { rows } = await db.query<{ count: number }>(
        sql`select count(*)::integer as count from ${name} ${where(conditionsOf(projectId, filters))}`,
      );
      return rows[0]?.count ?? 0;
    },
  };
}

function conditionsOf(projectId: string, filters: NamedFilters): Sql[] {
  const { disabled } = filters;
  return [
    sql`project_id = ${projectId}`,
    sql`deleted_at is null`,
    ...(disabled === undefined ? [] : [sql`(disabled_at is not null) = ${disabled}`]),
    ...conditionsOn('id', filters.id),
    ...conditionsOn('name', filters.name),
    ...conditionsOn('type', filters.type),
    ...conditionsOn('disabled_at', filters.disabled_at),
    ...conditionsOn('created_at', filters.created_at),
    ...conditionsOn('updated_at', filters.updated_at),
  ];
}

async function listRows<Row extends NamedRow>(
  db: Db,
  { table, conditions, page }: { table: string; conditions: Sql[]; page: NamedOrder },
): Promise<Page<Row>> {
  const backwards = isBackwards(page);
  const keys: SortKey[] = [...page.keys, { by: 'id', dir: page.dir }].map(({ by, dir }) => ({
    expression: raw(by),
    dir: directionOf(dir, backwards),
  }));
  const cursor = page.prev ?? page.next;
  const value = (index: number) =>
    sql`(select ${keys[index]!.expression} from ${raw(table)} where id = ${cursor})`;
  const all = cursor === undefined ? conditions : [...conditions, beyond(keys, value)];
  const { rows } = await db.query<Row>(
    sql`select * from ${raw(table)} where ${join(all, ' and ')} ${orderBy(keys)} limit ${page.limit + 1}`,
  );
  return pageOf(rows, page);
}
