import { WorkflowNotFoundError } from '@temporalio/client';
import type { Delivery, Dispatch } from '../domain/delivery.ts';
import { requestsWorkflowId } from '../domain/workflow-id.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';
import { wake } from '../workflows/signals.ts';
import type { Temporal } from './connection.ts';

/** The task queue on which all our workflows and activities run. */
export const TASK_QUEUE = 'sluice';

/** What our processes ask of Temporal, in our words. */
export type Workflows = {
  /** Starts the workflow of a dispatch; a second start of the same dispatch finds the first. */
  startDispatch(dispatch: Dispatch & { projectId: string; sources: NamedSource[] }): Promise<void>;
  /** Starts a delivery of its own: for events whose workflow has ended. */
  startDelivery(delivery: Delivery & { workflowId: string; projectId: string }): Promise<void>;
  /** Tells a delivery to look at once, and to take these events on; false when it has ended. */
  wakeDelivery(workflowId: string, eventIds: string[]): Promise<boolean>;
};

type NamedSource = { id: string; name: string };

export function createWorkflows({ client }: Temporal): Workflows {
  return {
    async startDispatch({ dispatchId, requestIds, projectId, sources }) {
      const names = sources.map((source) => source.name).join(', ');
      await client.workflow.start('processRequests', {
        taskQueue: TASK_QUEUE,
        workflowId: requestsWorkflowId(dispatchId),
        args: [{ dispatchId, requestIds }],
        requestEagerStart: true,
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
        requestEagerStart: true,
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `${count === 1 ? '1 event' : `${count} events`} → ${delivery.destinationName}, again`,
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
