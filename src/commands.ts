import { setTimeout as sleep } from 'node:timers/promises';
import type { Changed, Commands } from './api/commands.ts';
import type { Gate, GateChange } from './domain/control.ts';
import { GatewayError } from './domain/errors.ts';
import { AttemptTrigger } from './domain/status.ts';
import { deliveryWorkflowId } from './domain/workflow-id.ts';
import type { Configuration } from './db/configuration-cache.ts';
import { listUncontrolledOf, readGate } from './db/gates.ts';
import { newId } from './db/ids.ts';
import { hasLanes } from './db/lanes.ts';
import type { Database } from './db/pool.ts';
import {
  cancelEvents,
  copyRequest,
  pastRetention,
  readRouted,
  requeueEvents,
  requeueRequest,
  type RequeuedEvent,
} from './db/recovery.ts';
import type { Log } from './log.ts';
import { startControls } from './temporal/start-controls.ts';
import type { Workflows } from './temporal/workflows.ts';

type Dependencies = {
  db: Database;
  configuration: Configuration;
  workflows: Workflows;
  temporalAnswers: () => Promise<boolean>;
  log: Log;
  /** Tells the dispatchers that something waits. */
  announce: () => void;
};

const ROUTED_WITHIN_MS = 3_000;
const APPLIED_WITHIN_MS = 3_000;
const CONTROLLED_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 25;
const ANSWERS_WITHIN_MS = 2_000;
const ASK_EVERY_MS = 100;

/** What the API asks for, done: the state in PostgreSQL is the truth, a signal makes the workflows look at it. */
export function createCommands(deps: Dependencies): Commands {
  const { db, configuration, announce } = deps;
  return {
    async retryEvents({ projectId, eventIds }) {
      // A row that says it is due while nobody can be told of it would wait for ever.
      await demandTemporal(deps);
      const trigger = AttemptTrigger.Manual;
      const events = await requeueEvents(db, { projectId, eventIds, trigger });
      if (events.length === 0) throw pastRetention({ event_ids: eventIds });
      await deliver(deps, { projectId, events });
    },
    async cancelEvents(order) {
      const events = await cancelEvents(db, order);
      // They are cancelled; to be told only spares their workflows a wait.
      await tell(deps, events).catch((error: unknown) =>
        deps.log.warn({ error }, 'Could not notify workflows of a cancellation'),
      );
    },
    async retryRequest({ requestId, connectionIds }) {
      await requeueRequest(db, { requestId, connectionIds: connectionIds ?? null });
      announce();
      return { requestId, eventIds: await untilRouted(db, requestId) };
    },
    async replayRequest({ requestId, sourceId, connectionIds }) {
      const copy = await copyRequest(db, {
        requestId,
        sourceId,
        connectionIds: connectionIds ?? null,
      });
      if (copy === null) return null;
      announce();
      return { requestId: copy, eventIds: await untilRouted(db, copy) };
    },
    pause: ({ gate, reason }) =>
      moveGate(deps, { gate, change: reason ? { kind: 'pause', reason } : { kind: 'pause' } }),
    resume: ({ gate }) => moveGate(deps, { gate, change: { kind: 'resume' } }),
    async configurationChanged(changed) {
      await configuration.refresh();
      if (!changed) return;
      if (!changed.deleted) await untilControlled(deps, changed);
      nudge(deps, changed);
    },
  };
}

/** A Temporal that has just come back is heard of a moment later. */
async function demandTemporal({ temporalAnswers }: Dependencies): Promise<void> {
  for (const until = Date.now() + ANSWERS_WITHIN_MS; ;) {
    if (await temporalAnswers()) return;
    if (Date.now() > until) break;
    await sleep(ASK_EVERY_MS);
  }
  throw new GatewayError(
    'SERVICE_UNAVAILABLE',
    'Temporal does not respond. Try again in a moment.',
  );
}

/** Sends the signal that anybody may send, and waits a moment until it has been applied. */
async function moveGate(
  deps: Dependencies,
  { gate, change }: { gate: Gate; change: GateChange },
): Promise<void> {
  const { db, workflows } = deps;
  await demandTemporal(deps);
  const before = await readGate(db, gate);
  const send =
    gate.kind === 'destination' ? workflows.controlDestination : workflows.controlConnection;
  await send(gate.id, change);
  const until = Date.now() + APPLIED_WITHIN_MS;
  while (Date.now() < until) {
    const now = await readGate(db, gate);
    const isApplied = now?.epoch !== before?.epoch && now?.paused === (change.kind === 'pause');
    if (!now || isApplied) return;
    await sleep(LOOK_EVERY_MS);
  }
}

/**
 * Sees that a new destination or connection takes signals before its creation is answered. Where Temporal does not
 * answer in time, a worker does it later.
 */
async function untilControlled(deps: Dependencies, { kind, id }: Changed): Promise<void> {
  if (kind !== 'destination' && kind !== 'connection') return;
  const gates = await listUncontrolledOf(deps.db, id);
  if (gates.length === 0 || !(await deps.temporalAnswers())) return;
  const started = startControls(deps, gates).catch((error: unknown) =>
    deps.log.warn({ error, id }, 'A control workflow was not started yet; a worker will do it'),
  );
  await Promise.race([started, sleep(CONTROLLED_WITHIN_MS)]);
}

/** Tells who waits that something changed: another pace holds at once, and what was deleted keeps nobody waiting. */
function nudge(deps: Dependencies, changed: Changed): void {
  signal(deps, changed).catch((error: unknown) =>
    deps.log.warn({ error, id: changed.id }, 'A change was not signalled'),
  );
}

async function signal(
  { db, workflows }: Dependencies,
  { kind, id, deleted }: Changed,
): Promise<void> {
  const change = deleted ? ({ kind: 'resume' } as const) : ({ kind: 'setDeliveryPolicy' } as const);
  if (kind === 'destination') return workflows.controlDestination(id, change);
  if (kind !== 'connection') return;
  if (deleted) return workflows.controlConnection(id, change);
  // What a failed event holds up may go on, where the connection skips it now or wants no order any more.
  if (await hasLanes(db, id)) await workflows.startLane(id);
}

async function tell({ workflows }: Dependencies, events: RequeuedEvent[]): Promise<void> {
  const lanes = new Set(events.flatMap((event) => event.laneOf ?? []));
  const others = events.filter((event) => event.laneOf === null);
  const deliveries = new Set(others.map((event) => event.deliveryId));
  await Promise.all([
    ...[...lanes].map((id) => workflows.startLane(id)),
    ...[...deliveries].map((id) => workflows.wakeDelivery(id, [])),
  ]);
}

/** Hands events to the deliveries that know them, and starts new ones where these have ended. */
async function deliver(
  deps: Dependencies,
  { projectId, events }: { projectId: string; events: RequeuedEvent[] },
): Promise<void> {
  const { configuration, workflows } = deps;
  await tell(
    deps,
    events.filter((event) => event.laneOf !== null),
  );
  const others = events.filter((event) => event.laneOf === null);
  const left: RequeuedEvent[] = [];
  for (const [deliveryId, group] of Map.groupBy(others, (event) => event.deliveryId)) {
    const ids = group.map((event) => event.id);
    if (!(await workflows.wakeDelivery(deliveryId, ids))) left.push(...group);
  }
  for (const [destinationId, group] of Map.groupBy(left, (event) => event.destinationId)) {
    await workflows.startDelivery({
      workflowId: deliveryWorkflowId({ dispatchId: newId('dispatch'), destinationId }),
      projectId,
      destinationId,
      destinationName: configuration.destination(destinationId)?.name ?? destinationId,
      waiting: [{ eventIds: group.map((event) => event.id), dueAtMs: 0 }],
    });
  }
}

/** The events of a request, once it is routed; what is there after a few seconds, if nobody routes now. */
async function untilRouted(db: Database, requestId: string): Promise<string[]> {
  const until = Date.now() + ROUTED_WITHIN_MS;
  for (;;) {
    const { waiting, eventIds } = await readRouted(db, requestId);
    if (!waiting || Date.now() > until) return eventIds;
    await sleep(LOOK_EVERY_MS);
  }
}
