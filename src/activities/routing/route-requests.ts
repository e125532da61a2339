import type { Dispatch, Routing } from '../../domain/delivery.ts';
import type { FirstClaim } from '../../db/claims.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Database } from '../../db/pool.ts';
import { readRequestSizes } from '../../db/request-reads.ts';
import {
  listDispatched,
  listRouted,
  readRequestData,
  type DispatchedRequest,
} from '../../db/routing.ts';
import type { SandboxPool } from '../../sandbox/pool.ts';
import type { DestinationPace } from '../destination-pace.ts';
import type { Line } from '../turn.ts';
import { batchByDestination } from './batches.ts';
import { waitInLine } from './line.ts';
import { readsPayload, runsCode, transformationsOf } from './compiled-rules.ts';
import { commitDraft, emptyDraft, isFull, type Draft } from './draft.ts';
import { planRequest, type PlanContext } from './plan-request.ts';
import { rejectRepeats } from './repeats.ts';
import { createTransform } from './transform.ts';

export type RoutingDependencies = {
  db: Database;
  configuration: Configuration;
  pace: DestinationPace;
  line: Line;
  sandbox: Pick<SandboxPool, 'run'>;
  claim: (claim: FirstClaim) => Promise<string>;
  maxBatch: number;
  log: { info(fields: object, message: string): void };
  /** Hears when a dispatch's requests have been routed: its place is free for the next. */
  onRouted: (dispatchId: string) => void;
};

// User code may take its time: what is not done within this goes into the next call.
const BUDGET_MS = 1_500;
// Requests at once where code runs: enough to keep the sandbox busy, few to wait for when the budget is spent.
const AT_ONCE_WITH_CODE = 4;
const SLICE_WITH_CODE = 20;
const SLICE_EVENTS = 1_000;
const SLICE_BYTES = 16 * 1024 * 1024;

/** Takes requests through the rules of their connections and commits the events they make. */
export async function routeRequests(
  deps: RoutingDependencies,
  dispatch: Dispatch,
): Promise<Routing> {
  const waiting = await listDispatched(deps.db, dispatch);
  await completeConfiguration(deps.configuration, waiting);
  const draft = await plan(deps, { dispatch, waiting });
  const made = await commitDraft(deps.db, draft);
  // Fewer than asked for: an earlier run of this step got further than it could tell.
  const earlier =
    waiting.length < dispatch.requestIds.length ? await listRouted(deps.db, dispatch) : [];
  const planned = new Set(draft.verdicts.map((verdict) => verdict.requestId));
  const remaining = waiting.map(({ id }) => id).filter((id) => !planned.has(id));
  if (remaining.length === 0) deps.onRouted(dispatch.dispatchId);
  const known = new Set(made.map((event) => event.id));
  const events = [...made, ...earlier.filter((event) => !known.has(event.id))];
  const going = await waitInLine(deps, { dispatch, events });
  return { batches: batchByDestination(deps, { dispatch, events: going }), remaining };
}

/** A connection may be heard of a moment before what it was made together with: nothing is ignored for that. */
async function completeConfiguration(
  configuration: Configuration,
  waiting: DispatchedRequest[],
): Promise<void> {
  const sourceIds = new Set(waiting.map((request) => request.sourceId));
  const lists = [...sourceIds].map((id) => configuration.connectionsOf(id));
  const isWhole = lists
    .flat()
    .every(
      (connection) =>
        configuration.destination(connection.destinationId) &&
        transformationsOf(connection).every((id) => configuration.transformation(id)),
    );
  if (!isWhole || lists.some((list) => list.length === 0)) await configuration.refresh();
}

async function plan(
  deps: RoutingDependencies,
  { dispatch, waiting }: { dispatch: Dispatch; waiting: DispatchedRequest[] },
): Promise<Draft> {
  const draft = emptyDraft(dispatch);
  const transform = createTransform({
    ...deps,
    dispatchId: dispatch.dispatchId,
    record: (execution) => draft.executions.push(execution),
  });
  const context = { configuration: deps.configuration, transform, claim: deps.claim, draft };
  const endsAtMs = Date.now() + BUDGET_MS;
  const fresh = await rejectRepeats(deps, { waiting, draft });
  const mayGoOn = () => draft.verdicts.length === 0 || (Date.now() < endsAtMs && !isFull(draft));
  let next = 0;
  while (next < fresh.length && mayGoOn()) {
    const { length, ...slice } = await takeSlice(deps, fresh.slice(next));
    next += length;
    await planSlice(context, { ...slice, mayGoOn });
  }
  return draft;
}

type Slice = {
  requests: DispatchedRequest[];
  payloads: Awaited<ReturnType<typeof readRequestData>>;
  withCode: boolean;
};

/** The next requests to take together, with the payloads of those that a rule has to look at. */
async function takeSlice(
  { db, configuration }: RoutingDependencies,
  waiting: DispatchedRequest[],
): Promise<Slice & { length: number }> {
  const connectionsOf = ({ sourceId }: DispatchedRequest) => configuration.connectionsOf(sourceId);
  const withCode = waiting.some((request) => connectionsOf(request).some(runsCode));
  const widest = Math.max(1, ...waiting.map((request) => connectionsOf(request).length));
  const most = withCode ? SLICE_WITH_CODE : Math.max(1, Math.floor(SLICE_EVENTS / widest));
  let requests = waiting.slice(0, most);
  const isRead = (request: DispatchedRequest) =>
    connectionsOf(request).some((connection) =>
      readsPayload(connection, configuration.destination(connection.destinationId)),
    );
  const wanted = requests.filter(isRead).map((request) => request.id);
  if (wanted.length === 0) {
    return { requests, payloads: new Map(), withCode, length: requests.length };
  }
  const sizes = await readRequestSizes(db, wanted);
  requests = requests.slice(0, countWithin(requests.map(({ id }) => sizes.get(id) ?? 0)));
  const ids = requests.filter(isRead).map((request) => request.id);
  const payloads = ids.length === 0 ? new Map() : await readRequestData(db, ids);
  return { requests, payloads, withCode, length: requests.length };
}

/** How many of these sizes, from the first one on, fit into one slice; at least one. */
function countWithin(sizes: number[]): number {
  let bytes = 0;
  const beyond = sizes.findIndex((size, index) => (bytes += size) > SLICE_BYTES && index > 0);
  return beyond < 0 ? sizes.length : beyond;
}

/** Plans the requests of a slice, some at a time where code runs, until there is no time left. */
async function planSlice(
  context: PlanContext,
  { requests, payloads, withCode, mayGoOn }: Slice & { mayGoOn: () => boolean },
): Promise<void> {
  const rest = requests.values();
  const lane = async () => {
    for (const request of rest) {
      await planRequest(context, { request, payload: payloads.get(request.id) });
      if (withCode && !mayGoOn()) return;
    }
  };
  const lanes = withCode ? AT_ONCE_WITH_CODE : requests.length;
  await Promise.all(Array.from({ length: Math.min(lanes, requests.length) }, lane));
}
