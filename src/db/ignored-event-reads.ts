import sql, { raw } from 'sql-template-tag';
import { Direction } from '../domain/schema/list.ts';
import type { IgnoredCause } from '../domain/status.ts';
import type { Db } from './pool.ts';
import { directionOf, isBackwards, type Page, pageOf, type PageOrder, where } from './query.ts';

export type IgnoredEventRow = {
  /** `<request id>:<connection id>` */
  id: string;
  request_id: string;
  connection_id: string;
  project_id: string;
  cause: IgnoredCause;
  meta: unknown;
  created_at: Date;
};

/** The connections that did not take a request, and why; `ids` are those of ignored events. */
export async function listIgnoredEvents(
  db: Db,
  { requestId, ids, page }: { requestId: string; ids?: string[] | undefined; page: PageOrder },
): Promise<Page<IgnoredEventRow>> {
  const dir = directionOf(page.dir, isBackwards(page));
  const cursor = (page.prev ?? page.next)?.split(':')[1];
  const conditions = [sql`request_id = ${requestId}`];
  if (ids) conditions.push(sql`request_id || ':' || connection_id = any(${ids})`);
  const beyond = raw(dir === Direction.Ascending ? '>' : '<');
  if (cursor !== undefined) conditions.push(sql`connection_id ${beyond} ${cursor}`);
  const { rows } = await db.query<IgnoredEventRow>(sql`
    select *, request_id || ':' || connection_id as id from ignored_events ${where(conditions)}
    order by connection_id ${raw(dir)} limit ${page.limit + 1}`);
  return pageOf(rows, page);
}
