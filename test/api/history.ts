import sql from 'sql-template-tag';
import { insertExecutions, type NewExecution } from '../../src/db/executions.ts';
import { attemptId, eventId, executionId, newId } from '../../src/db/ids.ts';
import type { Db } from '../../src/db/pool.ts';
import type { AttemptStatus, EventStatus, RejectionCause } from '../../src/domain/status.ts';

export type Arriving = {
  projectId: string;
  sourceId: string;
  path?: string;
  query?: string;
  headers?: [string, string][];
  body?: string | Buffer;
  verified?: boolean;
  rejectionCause?: RejectionCause;
  rejectionDetail?: object;
  receivedAtMs?: number;
};

/** Puts a request into the tables, as ingest would. */
export async function arrive(db: Db, request: Arriving): Promise<string> {
  const { receivedAtMs = Date.now(), headers = [['Content-Type', 'application/json']] } = request;
  const id = newId('request', receivedAtMs);
  const at = new Date(receivedAtMs);
  const detail = request.rejectionDetail ? JSON.stringify(request.rejectionDetail) : null;
  await db.query(sql`
    insert into requests (id, project_id, source_id, verified, rejection_cause, rejection_detail, ingested_at, created_at, updated_at)
    values (${id}, ${request.projectId}, ${request.sourceId}, ${request.verified ?? null},
      ${request.rejectionCause ?? null}, ${detail}, ${at}, ${at}, ${at})`);
  await db.query(sql`
    insert into request_data (id, method, path, query, headers, body, remote_address)
    values (${id}, 'POST', ${request.path ?? ''}, ${request.query ?? ''}, ${JSON.stringify(headers)},
      ${Buffer.from(request.body ?? '{}')}, '192.0.2.1')`);
  return id;
}

/** Keeps the record of a run, as routing would. */
export async function makeExecution(
  db: Db,
  run: Pick<NewExecution, 'projectId' | 'transformationId' | 'connectionId' | 'requestId'> &
    Partial<NewExecution>,
): Promise<string> {
  const { requestId, connectionId, createdAtMs = Date.now() } = run;
  const dispatchId = `dsp_${createdAtMs}`;
  const id = executionId(requestId, { connectionId, place: '0', dispatchId });
  const ended = { version: 1, outcome: 'ok', logLevel: 'info', logs: [], durationMs: 1.5 };
  const nothing = { input: null, output: null, message: null, line: null, column: null };
  await insertExecutions(db, [{ id, ...ended, ...nothing, createdAtMs, ...run }]);
  return id;
}

export type MadeEvent = {
  projectId: string;
  requestId: string;
  connectionId: string;
  sourceId: string;
  destinationId: string;
  status?: EventStatus;
  attempts?: number;
  responseStatus?: number | null;
  errorCode?: string | null;
  nextAttemptAt?: Date | null;
};

/** Puts an event into the tables, as routing would. */
export async function makeEvent(db: Db, event: MadeEvent): Promise<string> {
  const id = eventId(event.requestId, event.connectionId);
  await db.query(sql`
    insert into events (id, project_id, request_id, connection_id, source_id, destination_id, status, attempts,
      response_status, error_code, next_attempt_at, dispatch_id, workflow_id, created_at, updated_at)
    values (${id}, ${event.projectId}, ${event.requestId}, ${event.connectionId}, ${event.sourceId},
      ${event.destinationId}, ${event.status ?? 'QUEUED'}, ${event.attempts ?? 0}, ${event.responseStatus ?? null},
      ${event.errorCode ?? null}, ${event.nextAttemptAt ?? null}, 'dsp_1', 'requests/dsp_1', now(), now())`);
  return id;
}

/** Puts an attempt into the tables, as delivery would. */
export async function makeAttempt(
  db: Db,
  attempt: {
    projectId: string;
    eventId: string;
    destinationId: string;
    number: number;
    status?: AttemptStatus | null;
    responseStatus?: number;
    body?: string;
  },
): Promise<string> {
  const id = attemptId(attempt.eventId, attempt.number);
  const headers = JSON.stringify([['Content-Type', 'application/json']]);
  await db.query(sql`
    insert into attempts (id, project_id, event_id, destination_id, number, trigger, status, response_status,
      requested_url, http_method, response_headers, body, workflow_id, created_at, updated_at)
    values (${id}, ${attempt.projectId}, ${attempt.eventId}, ${attempt.destinationId}, ${attempt.number}, 'INITIAL',
      ${attempt.status ?? null}, ${attempt.responseStatus ?? null}, 'https://example.com/', 'POST', ${headers},
      ${attempt.body === undefined ? null : Buffer.from(attempt.body)}, 'requests/dsp_1', now(), now())`);
  return id;
}

/** Says that a connection did not take a request. */
export async function ignore(
  db: Db,
  ignored: { projectId: string; requestId: string; connectionId: string; cause: string },
): Promise<void> {
  await db.query(sql`
    insert into ignored_events (request_id, connection_id, project_id, cause, meta, created_at)
    values (${ignored.requestId}, ${ignored.connectionId}, ${ignored.projectId}, ${ignored.cause}, '["body"]', now())`);
  await db.query(
    sql`update requests set ignored_count = ignored_count + 1 where id = ${ignored.requestId}`,
  );
}
