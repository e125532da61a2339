import sql, { type Sql } from 'sql-template-tag';
import { firstIdAt } from './ids.ts';
import type { Db } from './pool.ts';
import { conditionsOn, type Filter, type Page, type PageOrder } from './query.ts';
import { scanPage } from './scan.ts';

/** A run, without what went in and out. */
export type ExecutionHead = {
  id: string;
  project_id: string;
  transformation_id: string;
  version: number;
  connection_id: string;
  request_id: string;
  outcome: string;
  log_level: string;
  logs: { type: string; message: string }[];
  message: string | null;
  line: number | null;
  code_column: number | null;
  duration_ms: number;
  created_at: Date;
};

export type ExecutionRow = ExecutionHead & {
  /** JSON text of what the code was given; null where it was the request itself. */
  input: string | null;
  /** JSON text of the list of requests it returned; null where it returned none. */
  output: string | null;
};

export type ExecutionFilters = {
  id?: Filter<string> | undefined;
  log_level?: Filter<string> | undefined;
  outcome?: Filter<string> | undefined;
  webhook_id?: Filter<string> | undefined;
  request_id?: Filter<string> | undefined;
  created_at?: Filter<Date> | undefined;
};

// A run comes after its request, whose time its id begins with.
const ID_SLACK_MS = 1_000;

/** A page of the runs of a transformation, in order of the requests they were about. */
export function listExecutions(
  db: Db,
  {
    projectId,
    transformationId,
    filters,
    page,
  }: { projectId: string; transformationId: string; filters: ExecutionFilters; page: PageOrder },
): Promise<Page<ExecutionHead>> {
  return scanPage<ExecutionHead>(db, {
    page,
    scan: {
      table: 'execution_heads',
      lanes: {
        values: [transformationId],
        condition: (value) => sql`t.transformation_id = ${value}`,
      },
      bounds: boundsOf(filters),
      tests: [
        sql`c.project_id = ${projectId}`,
        ...conditionsOn('c.log_level', filters.log_level),
        ...conditionsOn('c.outcome', filters.outcome),
        ...conditionsOn('c.connection_id', filters.webhook_id),
        ...conditionsOn('c.request_id', filters.request_id),
        ...conditionsOn('c.created_at', filters.created_at),
      ],
    },
  });
}

export async function findExecution(
  db: Db,
  { projectId, transformationId, id }: { projectId: string; transformationId: string; id: string },
): Promise<ExecutionRow | null> {
  const { rows } = await db.query<ExecutionRow>(
    sql`select * from transformation_executions
        where id = ${id} and transformation_id = ${transformationId} and project_id = ${projectId}`,
  );
  return rows[0] ?? null;
}

function boundsOf(filters: ExecutionFilters): Sql[] {
  const bounds: Sql[] = [];
  if (filters.id?.in) bounds.push(sql`t.id = any(${filters.id.in})`);
  const to = filters.created_at?.lte ?? filters.created_at?.lt;
  if (to) {
    const last = firstIdAt('transformationExecution', to.getTime() + ID_SLACK_MS);
    bounds.push(sql`t.id < ${last}`);
  }
  return bounds;
}
