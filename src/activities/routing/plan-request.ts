import { deliveryGroupOf } from '../../domain/delivery-group.ts';
import { laneKeyOf } from '../../domain/lane.ts';
import { EventStatus, IgnoredCause, RejectionCause } from '../../domain/status.ts';
import { gatewayNow } from '../../db/clock.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Connection, Destination } from '../../db/configuration.ts';
import { eventId, timeOfId } from '../../db/ids.ts';
import type { DispatchedRequest } from '../../db/routing.ts';
import type { RoutingVerdict } from '../../db/commit-routing.ts';
import { DEEPEST_JSON, MOST_JSON_VALUES } from '../../verification/json-limits.ts';
import type { BodyProblem } from '../../verification/request-parts.ts';
import type { Draft } from './draft.ts';
import type { createBodies, Payload, SeenPayload } from './payload.ts';
import { runRules, type Outcome, type PipelineDependencies } from './pipeline.ts';

export type PlanContext = PipelineDependencies & {
  configuration: Configuration;
  draft: Draft;
  bodies: ReturnType<typeof createBodies>;
};

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
  const bodies = context.bodies.ofRequest();
  try {
    const seenPayload = bodies.see(payload);
    const planned = await Promise.all(
      wanted.map((connection) =>
        planConnection(context, { request, connection, payload: seenPayload }),
      ),
    );
    const rejectionCause = connections.length === 0 ? RejectionCause.NoConnection : null;
    draft.verdicts.push({ requestId: request.id, rejectionCause, ...noted(bodies.problem()) });
    for (const { ignored, events, payloads } of planned) {
      draft.ignored.push(...ignored);
      draft.events.push(...events);
      draft.payloads.push(...payloads);
    }
  } finally {
    bodies.close();
  }
}

const PROBLEMS: Record<BodyProblem, string> = {
  TOO_DEEP: `The JSON is nested deeper than ${DEEPEST_JSON} levels: rules see the body as text.`,
  TOO_MANY_VALUES: `The JSON has more than ${MOST_JSON_VALUES.toLocaleString('en')} values: rules see the body as text.`,
  TOO_LARGE: 'The body grows beyond 20 MiB or a hundredfold when it is decoded: rules see no body.',
};

/** What is said of a request that is taken although its rules could not look into its body. */
function noted(problem: BodyProblem | null): Pick<RoutingVerdict, 'detail'> {
  return problem === null ? {} : { detail: { reason: problem, hint: PROBLEMS[problem] } };
}

type Planned = { request: DispatchedRequest; connection: Connection };

async function outcomeOf(
  context: PlanContext,
  { request, connection, payload }: Planned & { payload: SeenPayload },
): Promise<Outcome> {
  const meta = closedBy(context.configuration, connection);
  if (meta) return { events: [], ignored: { kind: 'ignored', cause: IgnoredCause.Disabled, meta } };
  return runRules(context, { connection, requestId: request.id, payload });
}

/** What keeps a connection from taking requests, for whoever has to enable it; null where nothing does. */
function closedBy(
  configuration: Configuration,
  { id, destinationId, disabled }: Connection,
): { id: string; resource_type: 'connection' | 'destination'; reason: string } | null {
  if (disabled) return { id, resource_type: 'connection', reason: 'disabled' };
  const destination = configuration.destination(destinationId);
  if (destination && !destination.disabled && !destination.deleted) return null;
  const reason = destination && !destination.deleted ? 'disabled' : 'deleted';
  return { id: destinationId, resource_type: 'destination', reason };
}

type ConnectionPlan = Pick<Draft, 'events' | 'ignored' | 'payloads'>;

async function planConnection(
  context: PlanContext,
  { request, connection, payload: given }: Planned & { payload: SeenPayload },
): Promise<ConnectionPlan> {
  const outcome = await outcomeOf(context, { request, connection, payload: given });
  const destination = context.configuration.destination(connection.destinationId);
  const { id: requestId, projectId, sourceId } = request;
  const { id: connectionId, destinationId } = connection;
  const common = { requestId, projectId, connectionId, createdAtMs: timeOfId(requestId) };
  const plan: ConnectionPlan = { events: [], ignored: [], payloads: [] };
  if (outcome.ignored) {
    const { cause, meta, mismatches } = outcome.ignored;
    plan.ignored.push({ ...common, cause, meta, ...(mismatches && { mismatches }) });
  }
  for (const { payload, delayMs, part } of outcome.events) {
    const id = eventId(requestId, connectionId, part);
    const { changed, path, query, headers, body } = payload;
    if (changed) plan.payloads.push({ eventId: id, path, query, headers, body });
    plan.events.push({
      ...common,
      id,
      sourceId,
      destinationId,
      status: delayMs > 0 ? EventStatus.Scheduled : EventStatus.Queued,
      ...(await flowOf(payload, { connection, destination })),
      hasPayload: changed,
      nextAttemptAtMs: delayMs > 0 ? gatewayNow() + delayMs : null,
      shutGate: delayMs > 0 ? null : shutGateOf(connection, destination),
    });
  }
  return plan;
}

function shutGateOf(connection: Connection, destination: Destination | undefined): string | null {
  if (destination?.paused) return destination.id;
  return connection.paused ? connection.id : null;
}

const NO_FLOW = { deliveryGroup: null, laneKey: null };

/** The group and the lane of an event; a payload is not read for those that have neither. */
async function flowOf(
  payload: SeenPayload,
  { connection, destination }: { connection: Connection; destination: Destination | undefined },
): Promise<{ deliveryGroup: string | null; laneKey: string | null }> {
  const policy = destination?.config.delivery_policy;
  const { ordering } = connection;
  if (!policy?.groups && !ordering) return NO_FLOW;
  return payload.open((parts) => ({
    deliveryGroup: deliveryGroupOf(policy, parts),
    laneKey: laneKeyOf(ordering, parts),
  }));
}
