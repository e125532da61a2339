import sql, { type Sql } from 'sql-template-tag';
import type { AttemptStatus, AttemptTrigger } from '../domain/status.ts';
import { derivedRange } from './ids.ts';
import type { Db } from './pool.ts';
import { conditionsOn, type Filter, type Page, type PageOrder } from './query.ts';
import { type Scan, scanPage } from './scan.ts';

export type AttemptRow = {
  id: string;
  project_id: string;
  event_id: string;
  destination_id: string;
  number: number;
  trigger: AttemptTrigger;
  status: AttemptStatus | null;
  response_status: number | null;
  error_code: string | null;
  message: string | null;
  requested_url: string | null;
  http_method: string | null;
  response_headers: [string, string][] | null;
  body: Buffer | null;
  body_truncated: boolean;
  workflow_id: string;
  created_at: Date;
  delivered_at: Date | null;
  responded_at: Date | null;
  successful_at: Date | null;
  response_latency: number | null;
  updated_at: Date;
};

export type AttemptFilters = {
  id?: Filter<string> | undefined;
  event_id?: string[] | undefined;
  destination_id?: Filter<string> | undefined;
  webhook_id?: Filter<string> | undefined;
  /** `QUEUED` stands for those under way. */
  status?: Filter<string> | undefined;
  trigger?: Filter<string> | undefined;
  error_code?: Filter<string> | undefined;
  response_status?: Filter<number> | undefined;
  created_at?: Filter<Date> | undefined;
};

// Asked for each attempt by itself: an event is found by its id, and a connection may have millions of them.
const CONNECTION = '(select e.connection_id from events e where e.id = c.event_id)';

/** A page of attempts, in order of their ids: by event, and within it by number. */
export function listAttempts(
  db: Db,
  { projectId, filters, page }: { projectId: string; filters: AttemptFilters; page: PageOrder },
): Promise<Page<AttemptRow>> {
  return scanPage<AttemptRow>(db, {
    page,
    scan: {
      table: 'attempts',
      lanes: lanesOf(filters),
      bounds: filters.id?.in ? [sql`t.id = any(${filters.id.in})`] : [],
      tests: testsOf({ projectId, filters }),
    },
  });
}

export async function findAttempt(
  db: Db,
  { projectId, id }: { projectId: string; id: string },
): Promise<AttemptRow | null> {
  const { rows } = await db.query<AttemptRow>(
    sql`select * from attempts where id = ${id} and project_id = ${projectId}`,
  );
  return rows[0] ?? null;
}

function lanesOf(filters: AttemptFilters): Scan<AttemptRow>['lanes'] {
  if (filters.event_id) {
    const values = filters.event_id.map((id) => derivedRange('attempt', id).from);
    return { values, condition: (value) => sql`t.id >= ${value} and t.id < ${value} || '~'` };
  }
  const values = filters.destination_id?.in;
  return values ? { values, condition: (value) => sql`t.destination_id = ${value}` } : null;
}

function testsOf({ projectId, filters }: { projectId: string; filters: AttemptFilters }): Sql[] {
  return [
    sql`c.project_id = ${projectId}`,
    // The range of ids is that of whatever begins with these letters.
    ...conditionsOn('c.event_id', filters.event_id && { in: filters.event_id }),
    ...conditionsOn('c.destination_id', filters.destination_id),
    ...conditionsOn(CONNECTION, filters.webhook_id),
    ...conditionsOn(`coalesce(c.status, 'QUEUED')`, filters.status),
    ...conditionsOn('c.trigger', filters.trigger),
    ...conditionsOn('c.error_code', filters.error_code),
    ...conditionsOn('c.response_status', filters.response_status),
    ...conditionsOn('c.created_at', filters.created_at),
  ];
}
