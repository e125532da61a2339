import type { Db } from './pool.ts';
import { storableInteger, storableJson } from './storable.ts';

/** One run of a transformation, as it is kept; times in ms. */
export type NewExecution = {
  id: string;
  projectId: string;
  transformationId: string;
  version: number;
  connectionId: string;
  requestId: string;
  outcome: string;
  logLevel: string;
  logs: readonly { type: string; message: string }[];
  /** Null where it was the request itself. */
  input: string | null;
  output: string | null;
  message: string | null;
  line: number | null;
  column: number | null;
  durationMs: number;
  createdAtMs: number;
};

const INSERT = `
  insert into transformation_executions (id, project_id, transformation_id, version, connection_id, request_id, outcome,
    log_level, logs, input, output, message, line, code_column, duration_ms, created_at)
  select id, project_id, transformation_id, version, connection_id, request_id, outcome, log_level, logs, input, output,
    message, line, code_column, duration_ms, to_timestamp(created_at / 1000)
  from json_to_recordset($1) as e (id text, project_id text, transformation_id text, version integer, connection_id text,
    request_id text, outcome text, log_level text, logs json, input text, output text, message text, line integer,
    code_column integer, duration_ms double precision, created_at double precision)
  on conflict do nothing`;

/** Keeps the records of runs; one that is there already stays as it is. */
export async function insertExecutions(db: Db, executions: NewExecution[]): Promise<void> {
  if (executions.length === 0) return;
  const rows = executions.map((execution) => ({
    id: execution.id,
    project_id: execution.projectId,
    transformation_id: execution.transformationId,
    version: execution.version,
    connection_id: execution.connectionId,
    request_id: execution.requestId,
    outcome: execution.outcome,
    log_level: execution.logLevel,
    logs: execution.logs,
    input: execution.input,
    output: execution.output,
    message: execution.message,
    line: storableInteger(execution.line),
    code_column: storableInteger(execution.column),
    duration_ms: execution.durationMs,
    created_at: execution.createdAtMs,
  }));
  await db.query({ name: 'insert-executions', text: INSERT, values: [storableJson(rows)] });
}
