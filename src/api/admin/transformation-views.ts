import type { ExecutionHead, ExecutionRow } from '../../db/execution-reads.ts';
import type { TransformationRow, TransformationVersionRow } from '../../db/transformations.ts';
import type { CodeRequest } from '../../domain/code-input.ts';
import { parseAsWritten } from '../../domain/numbers/parse.ts';
import {
  type Environment,
  HIDDEN_VALUE,
  type Transformation,
} from '../../domain/schema/transformation.ts';
import type {
  ShownRequest,
  TransformationExecution,
} from '../../domain/schema/transformation-execution.ts';
import { queryByName } from '../../verification/request-parts.ts';
import type { ReturnedRequest } from '../code-sandbox.ts';
import type { ApiDeps } from '../deps.ts';
import { eventDataId } from '../render.ts';
import { openEnv } from './transformation-content.ts';

type View = { deps: Pick<ApiDeps, 'sealer'>; withEnv: boolean };

/** A transformation as the API shows it; the values of its environment only where they were asked for. */
export function viewTransformation(row: TransformationRow, view: View): Transformation {
  return {
    id: row.id,
    team_id: row.project_id,
    name: row.name,
    code: row.code,
    env: shownEnv(openEnv(view.deps, row), view),
    isolation: row.isolation,
    version: row.version,
    updated_at: row.updated_at.toISOString(),
    created_at: row.created_at.toISOString(),
  };
}

export function viewVersion(
  row: TransformationVersionRow,
  { projectId, ...view }: View & { projectId: string },
) {
  const { transformation_id: id, env } = row;
  return {
    transformation_id: id,
    version: row.version,
    code: row.code,
    env: shownEnv(openEnv(view.deps, { project_id: projectId, id, env }), view),
    isolation: row.isolation,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
  };
}

/** A run of a transformation, without what went in and out. */
export function viewExecution(row: ExecutionHead): TransformationExecution {
  return {
    id: row.id,
    team_id: row.project_id,
    transformation_id: row.transformation_id,
    version: row.version,
    webhook_id: row.connection_id,
    request_id: row.request_id,
    original_event_data_id: eventDataId(row.request_id),
    transformed_event_data_id: null,
    outcome: row.outcome as TransformationExecution['outcome'],
    log_level: row.log_level as TransformationExecution['log_level'],
    logs: row.logs as TransformationExecution['logs'],
    message: row.message,
    line: row.line,
    column: row.code_column,
    duration_ms: row.duration_ms,
    issue_id: null,
    updated_at: row.created_at.toISOString(),
    created_at: row.created_at.toISOString(),
  };
}

/** A run with what went in and out; `original` is the request, for a run that was given it as it came in. */
export function viewWholeExecution(
  row: ExecutionRow,
  original: CodeRequest | null,
): TransformationExecution {
  const given =
    row.input === null ? original : (parseAsWritten(row.input) as { request: CodeRequest }).request;
  const output = row.output === null ? null : (JSON.parse(row.output) as ReturnedRequest[]);
  const parts = output?.map(viewReturned) ?? [];
  return {
    ...viewExecution(row),
    original_event_data: given && viewGiven(given),
    transformed_event_data: parts[0] ?? null,
    ...(parts.length > 1 && { transformed_parts: parts }),
  };
}

/** What code returned, for people: a body that is JSON as a value. */
export function viewReturned({ headers, path, query, body, bodyKind }: ReturnedRequest) {
  return {
    headers: { ...headers },
    path,
    query,
    parsed_query: { ...queryByName(query) },
    body: bodyKind === 'json' ? parseAsWritten(body) : bodyKind === 'empty' ? null : body,
  };
}

function viewGiven({ headers, path, query, parsed_query, body }: CodeRequest): ShownRequest {
  const shown = { headers: { ...headers }, parsed_query: { ...parsed_query } };
  return { ...shown, path, query, body };
}

function shownEnv(env: Environment, { withEnv }: View): Environment {
  if (withEnv) return env;
  return Object.fromEntries(Object.keys(env).map((name) => [name, HIDDEN_VALUE]));
}
