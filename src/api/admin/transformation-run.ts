import { findConnection } from '../../db/connections.ts';
import { findEvent } from '../../db/event-reads.ts';
import type { Db } from '../../db/pool.ts';
import { findRequest, readRequests } from '../../db/request-reads.ts';
import { findTransformation } from '../../db/transformations.ts';
import { codeInput, type CodeRequest, connectionForCode } from '../../domain/code-input.ts';
import { withHeaderNotes } from '../../domain/header-notes.ts';
import { LARGE_PAYLOAD_BYTES } from '../../domain/schema/request.ts';
import {
  type Isolation,
  type TestRequest,
  type TransformationRun,
  transformationRun,
  transformationRunResult,
  type TransformationRunResult,
} from '../../domain/schema/transformation.ts';
import { queryByName } from '../../verification/request-parts.ts';
import type { CodeOutcome } from '../code-sandbox.ts';
import type { ApiDeps } from '../deps.ts';
import { codeRequestOf } from '../code-request.ts';
import { invalid } from '../errors.ts';
import { exampleRun, exampleRunResult } from '../examples/transformation.ts';
import { type Route, route } from '../route.ts';
import { meantEnv, openEnv } from './transformation-content.ts';
import { viewReturned } from './transformation-views.ts';

type Asked = { projectId: string; run: TransformationRun };
type Code = { id: string | null; code: string; env: Record<string, string>; isolation: Isolation };
type Input = { request: CodeRequest; requestId: string | null; connectionId: string | null };

/** `PUT /transformations/run`: what code would make of a request; nothing is kept or sent. */
export function transformationRunRoute(deps: ApiDeps): Route {
  return route({
    method: 'put',
    path: '/transformations/run',
    summary: 'Test a transformation',
    description:
      'Runs code, or a stored transformation, on a request of your own or on a stored one. Nothing is kept or sent. An error of the code is not an error of the call: it is in `outcome`, `message`, `line` and `column`.',
    tag: 'transformations',
    body: transformationRun,
    response: transformationRunResult,
    example: { body: exampleRun, answer: exampleRunResult },
    async handle({ projectId, body: run }) {
      const code = await codeOf(deps, { projectId, run });
      const input = await inputOf(deps, { projectId, run });
      const connection = await connectionOf(deps, { projectId, id: input.connectionId });
      const startMs = Date.now();
      const ran = await deps.sandbox.run({
        tenant: `run/${projectId}`,
        transformationId: code.id ?? 'draft',
        // Each run is a version of its own: a draft that was killed does not stand in the way of the next one.
        version: `run/${startMs}/${Math.random()}`,
        code: code.code,
        env: code.env,
        isolation: code.isolation,
        input: codeInput(input.request, connection),
      });
      const { headers } = input.request;
      const logs = withHeaderNotes({ ...ran, requests: ran.requests ?? [] }, headers);
      return resultOf({ ...ran, ...logs }, { code, input, startMs });
    },
  });
}

/** The code to run: a draft, or what is stored; a draft of something stored has its environment. */
async function codeOf(deps: ApiDeps, { projectId, run }: Asked): Promise<Code> {
  const { transformation_id: id } = run;
  const found = id ? await findTransformation(deps.db, { projectId, id }) : null;
  if (id && (!found || found.deleted_at !== null)) {
    throw unknown('transformation_id', 'names no transformation');
  }
  const stored = found ? openEnv(deps, found) : {};
  const env = run.env ? meantEnv(run.env, { stored, root: [] }) : stored;
  const isolation = found?.isolation ?? 'strict';
  return { id: found?.id ?? null, code: run.code ?? found?.code ?? '', env, isolation };
}

async function inputOf({ db }: ApiDeps, { projectId, run }: Asked): Promise<Input> {
  const connectionId = run.webhook_id ?? null;
  if (run.request) return { request: givenRequest(run.request), requestId: null, connectionId };
  const { event_id: eventId } = run;
  if (eventId) {
    const event = await findEvent(db, { projectId, id: eventId });
    if (!event) throw unknown('event_id', 'names no event');
    const request = await stored(db, { id: event.request_id, field: 'event_id' });
    const own = connectionId ?? event.connection_id;
    return { request, requestId: event.request_id, connectionId: own };
  }
  const id = run.request_id ?? '';
  if (!(await findRequest(db, { projectId, id }))) throw unknown('request_id', 'names no request');
  return {
    request: await stored(db, { id, field: 'request_id' }),
    requestId: id,
    connectionId,
  };
}

async function stored(db: Db, { id, field }: { id: string; field: string }): Promise<CodeRequest> {
  const data = (await readRequests(db, { ids: [id], maxBodyBytes: LARGE_PAYLOAD_BYTES })).get(id);
  const request = data ? codeRequestOf(data) : null;
  if (!request) throw unknown(field, 'names a request whose data is too large or no longer kept');
  return request;
}

/** A request as it was written by hand: names of headers in lower case, the query in both its forms. */
function givenRequest(given: TestRequest): CodeRequest {
  const { body = null, path, query, parsed_query: parsed } = given;
  const text = query?.replace(/^\?/, '') ?? queryText(parsed ?? {});
  const headers = Object.entries(given.headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    headers: Object.fromEntries(headers) as Record<string, string>,
    body,
    query: text,
    parsed_query: queryByName(text),
    path: path ?? '/',
  };
}

function queryText(parsed: Record<string, string | string[]>): string {
  const pairs = Object.entries(parsed).flatMap(([name, value]) =>
    [value].flat().map((item): [string, string] => [name, item]),
  );
  return new URLSearchParams(pairs).toString();
}

async function connectionOf(
  { db }: ApiDeps,
  { projectId, id }: { projectId: string; id: string | null },
): Promise<object | null> {
  if (id === null) return null;
  const joined = await findConnection(db, { projectId, id });
  if (!joined) throw unknown('webhook_id', 'names no connection');
  const { connection, source, destination } = joined;
  const { name, rules } = connection;
  return connectionForCode({ connection: { id, projectId, name, rules }, source, destination });
}

function resultOf(
  outcome: CodeOutcome,
  { code, input, startMs }: { code: Code; input: Input; startMs: number },
): TransformationRunResult {
  const requests = (outcome.requests ?? []).map(viewReturned);
  return {
    request_id: input.requestId,
    transformation_id: code.id,
    execution_id: null,
    outcome: outcome.kind,
    log_level: outcome.logLevel,
    request: requests[0] ?? null,
    requests,
    console: [...outcome.logs],
    message: outcome.message ?? outcome.reason ?? null,
    line: outcome.line ?? null,
    column: outcome.column ?? null,
    duration_ms: outcome.durationMs,
    transformation_run_time: {
      start: new Date(startMs).toISOString(),
      end: new Date().toISOString(),
    },
  };
}

function unknown(field: string, message: string) {
  return invalid('body', [{ path: [field], message }]);
}
