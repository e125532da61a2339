import type { Dispatch, Routing } from '../../domain/delivery.ts';
import { RejectionCause } from '../../domain/status.ts';
import type { Claimed, FirstClaim } from '../../db/claims.ts';
import type { RoutingVerdict } from '../../db/commit-routing.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Database } from '../../db/pool.ts';
import { readRequestSizes } from '../../db/request-reads.ts';
import {
  listDispatched,
  listRouted,
  readRequestData,
  type DispatchedRequest,
  type RoutedEvent,
} from '../../db/routing.ts';
import { noteUnrouted } from '../../db/suspects.ts';
import type { SandboxPool } from '../../sandbox/pool.ts';
import type { DestinationPace } from '../destination-pace.ts';
import type { Line } from '../turn.ts';
import { batchByDestination } from './batches.ts';
import type { Budget } from './budget.ts';
import { isFaultOfRequest, notPlanned, processDied } from './failed.ts';
import { waitInLine } from './line.ts';
import { readsPayload, runsCode, transformationsOf } from './compiled-rules.ts';
import { commitDraft, emptyDraft, isFull, type Draft } from './draft.ts';
import { planRequest, type PlanContext } from './plan-request.ts';
import type { createBodies, Payload } from './payload.ts';
import { divideRepeats } from './repeats.ts';
import { createTransform } from './transform.ts';
import type { Trials } from './trials.ts';

export type RoutingDependencies = {
  db: Database;
  configuration: Configuration;
  pace: DestinationPace;
  line: Line;
  sandbox: Pick<SandboxPool, 'run'>;
  claim: (claim: FirstClaim) => Promise<Claimed>;
  /** What is parsed, and the bytes that are read, of all that this process routes. */
  bodies: ReturnType<typeof createBodies>;
  bodyBudget: Budget;
  trials: Trials;
  maxBatch: number;
  log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
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
const SLICE_BYTES_WITH_CODE = 4 * 1024 * 1024;

/** Takes requests through the rules of their connections and commits the events they make. */
export async function routeRequests(
  deps: RoutingDependencies,
  dispatch: Dispatch,
): Promise<Routing> {
  const claimed = await listDispatched(deps.db, dispatch);
  const { waiting, spent } = await deps.trials.begin(dispatch, claimed);
  try {
    await completeConfiguration(deps.configuration, waiting);
    const { made, remaining } = await routeRounds(deps, { dispatch, waiting, spent });
    // Fewer than asked for: an earlier run of this step got further than it could tell.
    const earlier =
      claimed.length < dispatch.requestIds.length ? await listRouted(deps.db, dispatch) : [];
    if (remaining.length === 0) deps.onRouted(dispatch.dispatchId);
    const known = new Set(made.map((event) => event.id));
    const events = [...made, ...earlier.filter((event) => !known.has(event.id))];
    const going = await waitInLine(deps, { dispatch, events });
    return { batches: batchByDestination(deps, { dispatch, events: going }), remaining };
  } catch (error) {
    deps.trials.outlived(waiting);
    throw error;
  }
}

type Waiting = { dispatch: Dispatch; waiting: DispatchedRequest[] };

/** Routes, round by round, until all is routed or there is no time left: what repeats others is looked at behind them. */
async function routeRounds(
  deps: RoutingDependencies,
  { dispatch, waiting, spent }: Waiting & { spent: DispatchedRequest[] },
): Promise<{ made: RoutedEvent[]; remaining: string[] }> {
  const endsAtMs = Date.now() + BUDGET_MS;
  const made: RoutedEvent[] = [];
  const gaveUp = spent.map(({ id, trials }) => processDied(id, { times: trials ?? 0 }));
  let left = waiting;
  for (let round = 1; ; round++) {
    const draft = emptyDraft(dispatch);
    if (round === 1) draft.verdicts.push(...gaveUp);
    const { fresh, postponed } = await divideRepeats(deps, { dispatch, waiting: left, draft });
    await plan(deps, { dispatch, waiting: fresh, draft, endsAtMs });
    const committed = await commitDraft(deps.db, draft);
    await tellFailed(deps, [...draft.verdicts, ...committed.failed]);
    made.push(...committed.made);
    const planned = new Set(draft.verdicts.map((verdict) => verdict.requestId));
    left = [...fresh, ...postponed].filter(({ id }) => !planned.has(id));
    const isPlanned = fresh.every(({ id }) => planned.has(id));
    if (left.length === 0 || !isPlanned || Date.now() >= endsAtMs) break;
  }
  return { made, remaining: left.map(({ id }) => id).toSorted() };
}

/** What could not be routed is told to whoever operates this: it will not mend itself. */
async function tellFailed(
  { db, log }: Pick<RoutingDependencies, 'db' | 'log'>,
  verdicts: RoutingVerdict[],
): Promise<void> {
  const failed = verdicts.filter(
    ({ rejectionCause }) => rejectionCause === RejectionCause.RoutingFailed,
  );
  if (failed.length === 0) return;
  await noteUnrouted(
    db,
    failed.map(({ requestId, detail }) => ({ requestId, reason: detail?.reason ?? '' })),
  );
  for (const { requestId: request, detail } of failed) {
    log.error(
      { request, ...detail },
      'A request could not be routed; it is kept and can be retried',
    );
  }
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
  { dispatch, waiting, draft, endsAtMs }: Waiting & { draft: Draft; endsAtMs: number },
): Promise<void> {
  const { configuration, claim, bodies } = deps;
  const transform = createTransform({
    ...deps,
    dispatchId: dispatch.dispatchId,
    record: (execution) => draft.executions.push(execution),
  });
  const context = { configuration, transform, claim, draft, bodies };
  const before = draft.verdicts.length;
  const mayGoOn = () =>
    draft.verdicts.length === before || (Date.now() < endsAtMs && !isFull(draft));
  let next = 0;
  while (next < waiting.length && mayGoOn()) {
    const { length, release, ...slice } = await takeSlice(deps, waiting.slice(next));
    next += length;
    try {
      await planSlice(context, { ...slice, mayGoOn });
    } finally {
      release();
    }
  }
}

type Slice = {
  requests: DispatchedRequest[];
  payloads: Awaited<ReturnType<typeof readRequestData>>;
  withCode: boolean;
};

/** The next requests to take together, with the payloads of those that a rule has to look at. */
async function takeSlice(
  { db, configuration, bodyBudget }: RoutingDependencies,
  waiting: DispatchedRequest[],
): Promise<Slice & { length: number; release: () => void }> {
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
    return { requests, payloads: new Map(), withCode, length: requests.length, release() {} };
  }
  const sizes = await readRequestSizes(db, wanted);
  const bytesOf = ({ id }: DispatchedRequest) => sizes.get(id) ?? 0;
  const sliceBytes = withCode ? SLICE_BYTES_WITH_CODE : SLICE_BYTES;
  requests = requests.slice(0, countWithin(requests.map(bytesOf), sliceBytes));
  const ids = requests.filter(isRead).map((request) => request.id);
  const bytes = requests.reduce((sum, request) => sum + bytesOf(request), 0);
  const release = await bodyBudget.take(bytes);
  try {
    const payloads = ids.length === 0 ? new Map() : await readRequestData(db, ids);
    return { requests, payloads, withCode, length: requests.length, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** How many of these sizes, from the first one on, fit into so many bytes; at least one. */
function countWithin(sizes: number[], most: number): number {
  let bytes = 0;
  const beyond = sizes.findIndex((size, index) => (bytes += size) > most && index > 0);
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
      await planOrFail(context, { request, payload: payloads.get(request.id) });
      // What is planned is not needed any more, however long the others take.
      payloads.delete(request.id);
      if (withCode && !mayGoOn()) return;
    }
  };
  const lanes = withCode ? AT_ONCE_WITH_CODE : requests.length;
  await Promise.all(Array.from({ length: Math.min(lanes, requests.length) }, lane));
}

/** A request on which its rules break is rejected with the reason: those beside it go on. */
async function planOrFail(
  context: PlanContext,
  order: { request: DispatchedRequest; payload: Payload | undefined },
): Promise<void> {
  try {
    await planRequest(context, order);
  } catch (error) {
    if (!isFaultOfRequest(error)) throw error;
    context.draft.verdicts.push(notPlanned(order.request.id, error));
  }
}
