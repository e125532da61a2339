import type { Configuration } from '../../db/configuration-cache.ts';
import { gatewayNow } from '../../db/clock.ts';
import type { Connection, Transformation } from '../../db/configuration.ts';
import { executionId } from '../../db/ids.ts';
import type { NewExecution } from '../../db/executions.ts';
import { codeInput, connectionForCode } from '../../domain/code-input.ts';
import { withHeaderNotes } from '../../domain/header-notes.ts';
import type { CodeVersion, TransformOutcome } from '../../sandbox/job.ts';
import type { SandboxPool } from '../../sandbox/pool.ts';
import type { SeenPayload } from './payload.ts';
import { returnedPayload } from './returned-payload.ts';

/** One run of a connection's transformation on one payload. */
export type TransformCall = {
  connection: Connection;
  requestId: string;
  transformationId: string;
  /** Where the rule stands, and which piece of a split request it runs on: each run has its own record. */
  place: string;
  payload: SeenPayload;
};
export type TransformResult =
  /** `split`: the code returned a list, each entry of which goes its own way. */
  | { kind: 'go'; payloads: SeenPayload[]; split: boolean }
  | { kind: 'drop' | 'failed'; meta: Record<string, unknown> };
export type Transform = (call: TransformCall) => Promise<TransformResult>;

type Dependencies = {
  configuration: Configuration;
  sandbox: Pick<SandboxPool, 'run'>;
  dispatchId: string;
  /** Takes the record of every run. */
  record: (execution: NewExecution) => void;
};

/** Runs transformations in the sandbox; whatever user code does is a result. */
export function createTransform(deps: Dependencies): Transform {
  return async (call) => {
    const transformation = deps.configuration.transformation(call.transformationId);
    if (!transformation || transformation.deleted) {
      return { kind: 'failed', meta: { reason: 'The transformation was deleted.' } };
    }
    const { input, headers } = await inputOf(deps.configuration, call);
    const run = await deps.sandbox.run({
      ...codeVersion(transformation, call.connection.sourceId),
      code: transformation.code,
      env: transformation.env,
      isolation: transformation.isolation,
      input,
    });
    const requests = run.kind === 'ok' ? run.requests : [];
    const outcome = { ...run, ...withHeaderNotes({ ...run, requests }, headers) };
    deps.record(execution({ call, transformation, outcome, input, dispatchId: deps.dispatchId }));
    return resultOf(outcome, call.payload);
  };
}

/** What runs for a source: each has its own turn, so that one that is slow holds up no other. */
export function codeVersion({ id, version }: Transformation, sourceId: string): CodeVersion {
  return { tenant: sourceId, transformationId: id, version: String(version) };
}

function inputOf(
  configuration: Configuration,
  { connection, payload }: TransformCall,
): Promise<{ input: string; headers: Record<string, string> }> {
  const source = configuration.source(connection.sourceId);
  const destination = configuration.destination(connection.destinationId);
  return payload.open(({ headers, query, path }, writtenBody) => {
    const body = writtenBody();
    const request = { headers, body, query: payload.query, parsed_query: query, path };
    const input = codeInput(request, connectionForCode({ connection, source, destination }));
    return { input, headers };
  });
}

async function resultOf(outcome: TransformOutcome, before: SeenPayload): Promise<TransformResult> {
  if (outcome.kind === 'ok') {
    const payloads = await before.open((parts, writtenBody) =>
      outcome.requests.map((request) => returnedPayload(request, { before, parts, writtenBody })),
    );
    return { kind: 'go', payloads, split: outcome.split };
  }
  if (outcome.kind === 'drop') return { kind: 'drop', meta: { reason: outcome.reason } };
  const { line, column } = 'line' in outcome ? outcome : {};
  return {
    kind: 'failed',
    meta: {
      error: outcome.kind,
      reason: outcome.message,
      ...(line === undefined ? {} : { line, column }),
    },
  };
}

/** What the code failed with, or why it dropped the request: as in test runs. */
function messageOf(outcome: TransformOutcome): string | null {
  if (outcome.kind === 'drop') return outcome.reason;
  return 'message' in outcome ? outcome.message : null;
}

function execution({
  call,
  transformation,
  outcome,
  input,
  dispatchId,
}: {
  call: TransformCall;
  transformation: Transformation;
  outcome: TransformOutcome;
  input: string;
  dispatchId: string;
}): NewExecution {
  const { connection, requestId, place } = call;
  const output = outcome.kind === 'ok' ? JSON.stringify(outcome.requests) : null;
  return {
    id: executionId(requestId, { connectionId: connection.id, place, dispatchId }),
    projectId: connection.projectId,
    transformationId: transformation.id,
    version: transformation.version,
    connectionId: connection.id,
    requestId,
    outcome: outcome.kind,
    logLevel: outcome.logLevel,
    logs: outcome.logs,
    input: call.payload.changed ? input : null,
    output,
    message: messageOf(outcome),
    line: 'line' in outcome ? (outcome.line ?? null) : null,
    column: 'column' in outcome ? (outcome.column ?? null) : null,
    durationMs: outcome.durationMs,
    createdAtMs: gatewayNow(),
  };
}
