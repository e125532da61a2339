import { deliveryGroupOf, laneKeyOf } from '../../domain/lane.ts';
import { EventStatus, IgnoredCause, RejectionCause } from '../../domain/status.ts';
import { gatewayNow } from '../../db/clock.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Connection, Destination } from '../../db/configuration.ts';
import { eventId, timeOfId } from '../../db/ids.ts';
import type { DispatchedRequest } from '../../db/routing.ts';
import type { Draft } from './draft.ts';
import { seen, type Payload, type SeenPayload } from './payload.ts';
import { runRules, type Outcome, type PipelineDependencies } from './pipeline.ts';

export type PlanContext = PipelineDependencies & { configuration: Configuration; draft: Draft };

const NOTHING: Payload = { path: '', query: '', headers: [], body: Buffer.alloc(0) };

/** Decides what becomes of a request, and writes it into the draft, whole or not at all. */
export async function planRequest(
  context: PlanContext,
  { request, payload = NOTHING }: { request: DispatchedRequest; payload: Payload | undefined },
): Promise<void> {
  const { configuration, draft } = context;
  const connections = configuration.connectionsOf(request.sourceId);
  const wanted = connections.filter(
    (connection) => request.connectionIds?.includes(connection.id) ?? true,
  );
  const seenPayload = seen(payload, { changed: false });
  const outcomes = await Promise.all(
    wanted.map(async (connection) => ({
      connection,
      outcome: await outcomeOf(context, { request, connection, payload: seenPayload }),
    })),
  );
  const rejectionCause = connections.length === 0 ? RejectionCause.NoConnection : null;
  draft.verdicts.push({ requestId: request.id, rejectionCause });
  for (const { connection, outcome } of outcomes) {
    const destination = configuration.destination(connection.destinationId);
    addOutcome(draft, { request, connection, destination, outcome });
  }
}

type Planned = { request: DispatchedRequest; connection: Connection };

async function outcomeOf(
  context: PlanContext,
  { request, connection, payload }: Planned & { payload: SeenPayload },
): Promise<Outcome> {
  if (isClosed(context.configuration, connection)) {
    return { events: [], ignored: { kind: 'ignored', cause: IgnoredCause.Disabled, meta: null } };
  }
  return runRules(context, { connection, requestId: request.id, payload });
}

function isClosed(configuration: Configuration, connection: Connection): boolean {
  const destination = configuration.destination(connection.destinationId);
  return connection.disabled || !destination || destination.disabled || destination.deleted;
}

function addOutcome(
  draft: Draft,
  {
    request,
    connection,
    destination,
    outcome,
  }: Planned & { destination: Destination | undefined; outcome: Outcome },
): void {
  const { id: requestId, projectId, sourceId } = request;
  const { id: connectionId, destinationId } = connection;
  const common = { requestId, projectId, connectionId, createdAtMs: timeOfId(requestId) };
  if (outcome.ignored) {
    const { cause, meta } = outcome.ignored;
    draft.ignored.push({ ...common, cause, meta });
  }
  for (const { payload, delayMs, part } of outcome.events) {
    const id = eventId(requestId, connectionId, part);
    const { changed, path, query, headers, body } = payload;
    if (changed) draft.payloads.push({ eventId: id, path, query, headers, body });
    draft.events.push({
      ...common,
      id,
      sourceId,
      destinationId,
      status: delayMs > 0 ? EventStatus.Scheduled : EventStatus.Queued,
      ...flowOf(payload, { connection, destination }),
      hasPayload: changed,
      nextAttemptAtMs: delayMs > 0 ? gatewayNow() + delayMs : null,
      shutGate: delayMs > 0 ? null : shutGateOf(connection, destination),
    });
  }
}

function shutGateOf(connection: Connection, destination: Destination | undefined): string | null {
  if (destination?.paused) return destination.id;
  return connection.paused ? connection.id : null;
}

/** The group and the lane of an event; a payload is not read for those that have neither. */
function flowOf(
  payload: SeenPayload,
  { connection, destination }: { connection: Connection; destination: Destination | undefined },
): { deliveryGroup: string | null; laneKey: string | null } {
  const policy = destination?.config.delivery_policy;
  return {
    deliveryGroup: policy?.groups ? deliveryGroupOf(policy, payload.parts()) : null,
    laneKey: connection.ordering ? laneKeyOf(connection.ordering, payload.parts()) : null,
  };
}
