import type { Dispatch, RoutedBatch, Routing } from '../domain/delivery.ts';
import { EventStatus, IgnoredCause, RejectionCause } from '../domain/status.ts';
import type { Configuration } from '../db/configuration-cache.ts';
import type { Connection } from '../db/configuration.ts';
import { eventId, timeOfId } from '../db/ids.ts';
import type { Database } from '../db/pool.ts';
import {
  commitRouting,
  listDispatched,
  listRouted,
  type DispatchedRequest,
  type RoutedEvent,
  type RoutingPlan,
} from '../db/routing.ts';
import type { DestinationPace } from './destination-pace.ts';

export type RoutingActivities = {
  /** Settles the verdicts that could not be taken when the request arrived. */
  verifyRequests(dispatch: Dispatch): Promise<void>;
  /** Takes requests through the rules of their connections and commits the events they make. */
  routeRequests(dispatch: Dispatch): Promise<Routing>;
};

type Dependencies = {
  db: Database;
  configuration: Configuration;
  pace: DestinationPace;
  maxBatch: number;
  /** Hears when a dispatch's requests have been routed: its place is free for the next. */
  onRouted: (dispatchId: string) => void;
};

export function createRoutingActivities(deps: Dependencies): RoutingActivities {
  return {
    verifyRequests: () => Promise.resolve(),
    routeRequests: (dispatch) => routeRequests(deps, dispatch),
  };
}

async function routeRequests(deps: Dependencies, dispatch: Dispatch): Promise<Routing> {
  const { db, onRouted } = deps;
  const requests = await listDispatched(db, dispatch);
  const plan: RoutingPlan = {
    dispatchId: dispatch.dispatchId,
    verdicts: [],
    events: [],
    ignored: [],
  };
  for (const request of requests) planRequest(deps.configuration, { request, plan });
  const made = requests.length > 0 ? await commitRouting(db, plan) : [];
  // Fewer than asked for: an earlier run of this step got further than it could tell.
  const earlier =
    requests.length < dispatch.requestIds.length ? await listRouted(db, dispatch) : [];
  onRouted(dispatch.dispatchId);
  const known = new Set(made.map((event) => event.id));
  const events = [...made, ...earlier.filter((event) => !known.has(event.id))];
  return { batches: batchByDestination(deps, { dispatch, events }), remaining: [] };
}

function planRequest(
  configuration: Configuration,
  { request, plan }: { request: DispatchedRequest; plan: RoutingPlan },
): void {
  const { id: requestId, projectId, sourceId, connectionIds } = request;
  const connections = configuration.connectionsOf(sourceId);
  const createdAtMs = timeOfId(requestId);
  for (const connection of connections) {
    const { id: connectionId, destinationId } = connection;
    if (connectionIds && !connectionIds.includes(connectionId)) continue;
    const common = { requestId, projectId, connectionId, createdAtMs };
    if (isClosed(configuration, connection)) {
      plan.ignored.push({ ...common, cause: IgnoredCause.Disabled, meta: null });
      continue;
    }
    plan.events.push({
      ...common,
      id: eventId(requestId, connectionId),
      sourceId,
      destinationId,
      status: EventStatus.Queued,
      deliveryGroup: null,
      hasPayload: false,
      nextAttemptAtMs: null,
    });
  }
  const rejectionCause = connections.length === 0 ? RejectionCause.NoConnection : null;
  plan.verdicts.push({ requestId, rejectionCause });
}

function isClosed(configuration: Configuration, connection: Connection): boolean {
  const destination = configuration.destination(connection.destinationId);
  return connection.disabled || !destination || destination.disabled || destination.deleted;
}

function batchByDestination(
  { configuration, pace, maxBatch }: Dependencies,
  { dispatch, events }: { dispatch: Dispatch; events: RoutedEvent[] },
): RoutedBatch[] {
  const together = maxBatch > 1 && dispatch.requestIds.length > 1;
  return [...Map.groupBy(events, (event) => event.destinationId)].map(([destinationId, group]) => {
    const destination = configuration.destination(destinationId);
    return {
      projectId: destination?.projectId ?? '',
      sourceIds: [],
      destinationId,
      destinationName: destination?.name ?? destinationId,
      waiting: waitingGroups(group),
      inline:
        together &&
        destination !== undefined &&
        !destination.paused &&
        !destination.config.delivery_policy &&
        group.every((event) => event.dueAtMs === null) &&
        pace.isFast(destinationId),
    };
  });
}

function waitingGroups(events: RoutedEvent[]) {
  const byTime = Map.groupBy(events, (event) => event.dueAtMs ?? 0);
  return [...byTime].map(([dueAtMs, group]) => ({ dueAtMs, eventIds: group.map((e) => e.id) }));
}
