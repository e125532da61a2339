import sql, { raw } from 'sql-template-tag';
import { Direction } from '../domain/schema/list.ts';
import type { IgnoredCause } from '../domain/status.ts';
import type { Db } from './pool.ts';
import {
  conditionsOn,
  directionOf,
  type Filter,
  isBackwards,
  type Page,
  pageOf,
  type PageOrder,
  where,
} from './query.ts';

export type IgnoredEventRow = {
  /** `<request id>:<connection id>` */
  id: string;
  request_id: string;
  connection_id: string;
  project_id: string;
  cause: IgnoredCause;
  meta: unknown;
  /** JSON text of the keys that did not match a filter. */
  mismatches: string | null;
  created_at: Date;
};

type IgnoredFilters = {
  /** Ids of ignored events. */
  id?: Filter<string> | undefined;
  cause?: Filter<IgnoredCause> | undefined;
  webhook_id?: Filter<string> | undefined;
};

/** The connections that did not take a request, and why. */
export async function listIgnoredEvents(
  db: Db,
  { requestId, filters, page }: { requestId: string; filters: IgnoredFilters; page: PageOrder },
): Promise<Page<IgnoredEventRow>> {
  const dir = directionOf(page.dir, isBackwards(page));
  const cursor = (page.prev ?? page.next)?.split(':')[1];
  const conditions = [
    sql`request_id = ${requestId}`,
    ...conditionsOn(`request_id || ':' || connection_id`, filters.id),
    ...conditionsOn('cause', filters.cause),
    ...conditionsOn('connection_id', filters.webhook_id),
  ];
  const beyond = raw(dir === Direction.Ascending ? '>' : '<');
  if (cursor !== undefined) conditions.push(sql`connection_id ${beyond} ${cursor}`);
  const { rows } = await db.query<IgnoredEventRow>(sql`
    select request_id || ':' || connection_id as id, request_id, connection_id, project_id, cause, meta,
      mismatches::text as mismatches, created_at
    from ignored_events ${where(conditions)}
    order by connection_id ${raw(dir)} limit ${page.limit + 1}`);
  return pageOf(rows, page);
}

/** The connections that did not take a request. */
export async function listIgnoring(db: Db, requestId: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    sql`select connection_id as id from ignored_events where request_id = ${requestId} order by connection_id`,
  );
  return rows.map((row) => row.id);
}
