import { setTimeout as sleep } from 'node:timers/promises';
import type { Commands } from './api/commands.ts';
import { AttemptTrigger } from './domain/status.ts';
import { deliveryWorkflowId } from './domain/workflow-id.ts';
import type { Configuration } from './db/configuration-cache.ts';
import { newId } from './db/ids.ts';
import type { Database } from './db/pool.ts';
import {
  cancelEvents,
  copyRequest,
  readRouted,
  requeueEvents,
  requeueRequest,
  type RequeuedEvent,
} from './db/recovery.ts';
import type { Workflows } from './temporal/workflows.ts';

type Dependencies = {
  db: Database;
  configuration: Configuration;
  workflows: Workflows;
  /** Tells the dispatchers that something waits. */
  announce: () => void;
};

const ROUTED_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 25;

/** What the API asks for, done: the state in PostgreSQL is the truth, a signal makes the workflows look at it. */
export function createCommands(deps: Dependencies): Commands {
  const { db, configuration, workflows, announce } = deps;
  return {
    async retryEvents({ projectId, eventIds }) {
      const trigger = AttemptTrigger.Manual;
      const events = await requeueEvents(db, { projectId, eventIds, trigger });
      await deliver(deps, { projectId, events });
    },
    async cancelEvents(order) {
      const events = await cancelEvents(db, order);
      const deliveries = new Set(events.map((event) => event.deliveryId));
      await Promise.all([...deliveries].map((id) => workflows.wakeDelivery(id, [])));
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
    pauseConnection: ({ id }) => workflows.controlConnection(id, { kind: 'pause' }),
    unpauseConnection: ({ id }) => workflows.controlConnection(id, { kind: 'resume' }),
    pauseDestination: ({ id }) => workflows.controlDestination(id, { kind: 'pause' }),
    unpauseDestination: ({ id }) => workflows.controlDestination(id, { kind: 'resume' }),
    configurationChanged: () => configuration.refresh(),
  };
}

/** Hands events to the deliveries that know them, and starts new ones where these have ended. */
async function deliver(
  { configuration, workflows }: Dependencies,
  { projectId, events }: { projectId: string; events: RequeuedEvent[] },
): Promise<void> {
  const left: RequeuedEvent[] = [];
  for (const [deliveryId, group] of Map.groupBy(events, (event) => event.deliveryId)) {
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
