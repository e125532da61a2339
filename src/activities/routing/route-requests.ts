import type { Dispatch, Routing } from '../../domain/delivery.ts';
import { EventStatus, IgnoredCause, RejectionCause } from '../../domain/status.ts';
import type { FirstClaim } from '../../db/claims.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Connection } from '../../db/configuration.ts';
import { insertExecutions, type NewExecution } from '../../db/executions.ts';
import { eventId, timeOfId } from '../../db/ids.ts';
import type { Database } from '../../db/pool.ts';
import {
  commitRouting,
  insertPayloads,
  listDispatched,
  listRouted,
  readRequestData,
  type DispatchedRequest,
  type NewPayload,
  type RoutedEvent,
  type RoutingPlan,
} from '../../db/routing.ts';
import type { SandboxPool } from '../../sandbox/pool.ts';
import type { DestinationPace } from '../destination-pace.ts';
import { batchByDestination } from './batches.ts';
import { readsPayload, runsCode } from './compiled-rules.ts';
import { seen, type Payload, type SeenPayload } from './payload.ts';
import { runRules, type PipelineDependencies } from './pipeline.ts';
import { createTransform } from './transform.ts';

export type RoutingDependencies = {
  db: Database;
  configuration: Configuration;
  pace: DestinationPace;
  sandbox: Pick<SandboxPool, 'run'>;
  claim: (claim: FirstClaim) => Promise<string>;
  maxBatch: number;
  /** Hears when a dispatch's requests have been routed: its place is free for the next. */
  onRouted: (dispatchId: string) => void;
};

/** What is decided for the requests of one call, before it is written. */
type Draft = RoutingPlan & { payloads: NewPayload[]; executions: NewExecution[] };

// User code may take its time: what is not done within this goes into the next call.
const BUDGET_MS = 1_500;
const SLICE_WITH_CODE = 20;
// Nor does one commit grow without bound where a source has many connections.
const SLICE_EVENTS = 1_000;
const COMMIT_EVENTS = 4_000;

/** Takes requests through the rules of their connections and commits the events they make. */
export async function routeRequests(
  deps: RoutingDependencies,
  dispatch: Dispatch,
): Promise<Routing> {
  const waiting = await listDispatched(deps.db, dispatch);
  const { draft, left } = await plan(deps, { dispatch, waiting });
  const made = await commit(deps.db, draft);
  // Fewer than asked for: an earlier run of this step got further than it could tell.
  const earlier =
    waiting.length < dispatch.requestIds.length ? await listRouted(deps.db, dispatch) : [];
  if (left.length === 0) deps.onRouted(dispatch.dispatchId);
  const known = new Set(made.map((event) => event.id));
  const events = [...made, ...earlier.filter((event) => !known.has(event.id))];
  return { batches: batchByDestination(deps, { dispatch, events }), remaining: left };
}

async function plan(
  deps: RoutingDependencies,
  { dispatch, waiting }: { dispatch: Dispatch; waiting: DispatchedRequest[] },
): Promise<{ draft: Draft; left: string[] }> {
  const { dispatchId } = dispatch;
  const draft: Draft = {
    dispatchId,
    verdicts: [],
    events: [],
    ignored: [],
    payloads: [],
    executions: [],
  };
  const transform = createTransform({
    ...deps,
    dispatchId,
    record: (execution) => draft.executions.push(execution),
  });
  const until = Date.now() + BUDGET_MS;
  const slice = sliceOf(deps.configuration, waiting);
  let next = 0;
  while (next < waiting.length) {
    const enough = Date.now() >= until || draft.events.length >= COMMIT_EVENTS;
    if (next > 0 && enough) break;
    const some = waiting.slice(next, next + slice);
    const payloads = await readPayloads(deps, some);
    const context = { configuration: deps.configuration, transform, claim: deps.claim, draft };
    await Promise.all(
      some.map((request) => planRequest(context, request, payloads.get(request.id))),
    );
    next += some.length;
  }
  return { draft, left: waiting.slice(next).map((request) => request.id) };
}

/** How many requests are taken at a time, so that time and size can be looked at in between. */
function sliceOf(configuration: Configuration, waiting: DispatchedRequest[]): number {
  const connections = waiting.map((request) => configuration.connectionsOf(request.sourceId));
  if (connections.some((list) => list.some(runsCode))) return SLICE_WITH_CODE;
  const widest = Math.max(1, ...connections.map((list) => list.length));
  return Math.max(1, Math.floor(SLICE_EVENTS / widest));
}

/** The payloads of those requests that a rule has to look at. */
async function readPayloads(
  { db, configuration }: RoutingDependencies,
  requests: DispatchedRequest[],
): Promise<Map<string, Payload>> {
  const ids = requests
    .filter((request) => configuration.connectionsOf(request.sourceId).some(readsPayload))
    .map((request) => request.id);
  return ids.length === 0 ? new Map() : readRequestData(db, ids);
}

type Context = PipelineDependencies & { configuration: Configuration; draft: Draft };

const NOTHING: Payload = { path: '', query: '', headers: [], body: Buffer.alloc(0) };

async function planRequest(
  context: Context,
  request: DispatchedRequest,
  found: Payload | undefined,
): Promise<void> {
  const { configuration, draft } = context;
  const connections = configuration.connectionsOf(request.sourceId);
  const rejectionCause = connections.length === 0 ? RejectionCause.NoConnection : null;
  draft.verdicts.push({ requestId: request.id, rejectionCause });
  const payload = seen(found ?? NOTHING, { changed: false });
  const wanted = connections.filter(
    (connection) => request.connectionIds?.includes(connection.id) ?? true,
  );
  await Promise.all(
    wanted.map((connection) => planConnection(context, { request, connection, payload })),
  );
}

async function planConnection(
  context: Context,
  {
    request,
    connection,
    payload,
  }: { request: DispatchedRequest; connection: Connection; payload: SeenPayload },
): Promise<void> {
  const { configuration, draft } = context;
  const { id: requestId, projectId, sourceId } = request;
  const { id: connectionId, destinationId } = connection;
  const createdAtMs = timeOfId(requestId);
  const common = { requestId, projectId, connectionId, createdAtMs };
  const result = isClosed(configuration, connection)
    ? ({ kind: 'ignored', cause: IgnoredCause.Disabled, meta: null } as const)
    : await runRules(context, { connection, requestId, payload });
  if (result.kind === 'ignored') {
    draft.ignored.push({ ...common, cause: result.cause, meta: result.meta });
    return;
  }
  result.events.forEach((event, part) => {
    const id = eventId(requestId, connectionId, part);
    const { changed, path, query, headers, body } = event.payload;
    if (changed) draft.payloads.push({ eventId: id, path, query, headers, body });
    const delayed = event.delayMs > 0;
    draft.events.push({
      ...common,
      id,
      sourceId,
      destinationId,
      status: delayed ? EventStatus.Scheduled : EventStatus.Queued,
      deliveryGroup: null,
      hasPayload: changed,
      nextAttemptAtMs: delayed ? Date.now() + event.delayMs : null,
    });
  });
}

function isClosed(configuration: Configuration, connection: Connection): boolean {
  const destination = configuration.destination(connection.destinationId);
  return connection.disabled || !destination || destination.disabled || destination.deleted;
}

function commit(database: Database, draft: Draft): Promise<RoutedEvent[]> {
  if (draft.verdicts.length === 0) return Promise.resolve([]);
  if (draft.payloads.length === 0 && draft.executions.length === 0) {
    return commitRouting(database, draft);
  }
  return database.transaction(async (db) => {
    const made = await commitRouting(db, draft);
    const ids = new Set(made.map((event) => event.id));
    const payloads = draft.payloads.filter((payload) => ids.has(payload.eventId));
    if (payloads.length > 0) await insertPayloads(db, payloads);
    await insertExecutions(db, draft.executions);
    return made;
  });
}
