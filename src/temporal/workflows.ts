import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { controlWorkflowId, type Gate, type GateChange } from '../domain/control.ts';
import type { Delivery, DispatchOrder } from '../domain/delivery.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import { requestsWorkflowId } from '../domain/workflow-id.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';
import { pause, resume, setDeliveryPolicy, wake } from '../workflows/signals.ts';
import type { Temporal } from './connection.ts';

/** The task queue on which all our workflows and activities run. */
export const TASK_QUEUE = 'sluice';

/** What our processes ask of Temporal, in our words. */
export type Workflows = {
  /** Starts the workflow of a dispatch; a second start of the same dispatch finds the first. */
  startDispatch(
    dispatch: DispatchOrder & { projectId: string; sources: NamedSource[] },
  ): Promise<void>;
  /** Starts a delivery of its own: for events whose workflow has ended, or that have waited without one. */
  startDelivery(delivery: Delivery & { workflowId: string; projectId: string }): Promise<void>;
  /** Tells a delivery to look at once, and to take these events on; false when it has ended. */
  wakeDelivery(workflowId: string, eventIds: string[]): Promise<boolean>;
  /** Asks the control workflow of a destination for a change; it is applied when the row says so, in a moment. */
  controlDestination(id: string, change: GateChange): Promise<void>;
  /** The same for a connection. */
  controlConnection(id: string, change: GateChange): Promise<void>;
  /** Starts the control workflow of a gate where there is none. */
  startControl(gate: Gate): Promise<void>;
  /** Starts the workflow of a connection's lanes, or tells it to look. */
  startLane(connectionId: string): Promise<void>;
  /** Whether a workflow runs and gets on: one whose task fails again and again does not. */
  isAlive(workflowId: string): Promise<boolean>;
  /** Temporal's own id of our namespace: after a loss of all its data it is another. */
  namespaceId(): Promise<string>;
  /** Ends the workflow by which versions before swept, where it still runs. */
  endFormerSweep(): Promise<void>;
};

type NamedSource = { id: string; name: string };

// Workflow code that does not fit its history, or a bug of ours: a minute of tries.
const STUCK_ATTEMPTS = 6;

export function createWorkflows({ client, connection, namespace, native }: Temporal): Workflows {
  return {
    controlDestination: (id, change) =>
      control(client, { gate: { kind: 'destination', id }, change }),
    controlConnection: (id, change) =>
      control(client, { gate: { kind: 'connection', id }, change }),
    async startControl(gate) {
      await client.workflow.start(CONTROLS[gate.kind], {
        ...controlOptions(gate),
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
    },
    async startLane(connectionId) {
      await client.workflow.signalWithStart('deliverInOrder', {
        taskQueue: TASK_QUEUE,
        workflowId: laneWorkflowId(connectionId),
        args: [{ connectionId }],
        signal: wake,
        signalArgs: [{ eventIds: [] }],
        staticSummary: `Delivers the events of ${connectionId} in order`,
      });
    },
    async isAlive(workflowId) {
      try {
        const { status, raw } = await client.workflow.getHandle(workflowId).describe();
        return (
          status.name === 'RUNNING' && (raw.pendingWorkflowTask?.attempt ?? 0) < STUCK_ATTEMPTS
        );
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
    async namespaceId() {
      const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace });
      return namespaceInfo?.id ?? '';
    },
    async endFormerSweep() {
      try {
        await client.workflow.getHandle('sweep').terminate('Workers sweep without a workflow now.');
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
    async startDispatch({ projectId, sources, ...order }) {
      const { dispatchId, requestIds } = order;
      const names = sources.map((source) => source.name).join(', ');
      await client.workflow.start('processRequests', {
        taskQueue: TASK_QUEUE,
        workflowId: requestsWorkflowId(dispatchId),
        args: [order],
        requestEagerStart: native !== null,
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `${requestIds.length === 1 ? '1 request' : `${requestIds.length} requests`} from ${names.slice(0, 150)}`,
        typedSearchAttributes: searchAttributes({
          projectId,
          sourceIds: sources.slice(0, 50).map((source) => source.id),
        }),
      });
    },
    async startDelivery({ workflowId, projectId, ...delivery }) {
      const count = delivery.waiting.reduce((sum, group) => sum + group.eventIds.length, 0);
      await client.workflow.start('deliverEvents', {
        taskQueue: TASK_QUEUE,
        workflowId,
        args: [delivery],
        requestEagerStart: native !== null,
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `${count === 1 ? '1 event' : `${count} events`} → ${delivery.destinationName}`,
        typedSearchAttributes: searchAttributes({
          projectId,
          destinationId: delivery.destinationId,
        }),
      });
    },
    async wakeDelivery(workflowId, eventIds) {
      try {
        await client.workflow.getHandle(workflowId).signal(wake, { eventIds });
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
  };
}

const CONTROLS = { destination: 'controlDestination', connection: 'controlConnection' } as const;

function controlOptions(gate: Gate) {
  return {
    taskQueue: TASK_QUEUE,
    workflowId: controlWorkflowId(gate),
    args: [{ id: gate.id }] as [{ id: string }],
    staticSummary: `Control of ${gate.kind} ${gate.id}: takes the signals pause, resume, setDeliveryPolicy and the update count`,
  };
}

async function control(
  client: Client,
  { gate, change }: { gate: Gate; change: GateChange },
): Promise<void> {
  const options = controlOptions(gate);
  switch (change.kind) {
    case 'pause': {
      const signalArgs: [unknown] = [{ reason: change.reason ?? '' }];
      await client.workflow.signalWithStart(CONTROLS[gate.kind], {
        ...options,
        signal: pause,
        signalArgs,
      });
      return;
    }
    case 'resume':
      await client.workflow.signalWithStart(CONTROLS[gate.kind], {
        ...options,
        signal: resume,
        signalArgs: [],
      });
      return;
    case 'setDeliveryPolicy': {
      const signalArgs = change.policy === undefined ? [] : [change.policy];
      await client.workflow.signalWithStart(CONTROLS[gate.kind], {
        ...options,
        signal: setDeliveryPolicy.name,
        signalArgs,
      });
    }
  }
}
