import type { Logger } from '@temporalio/common';
import { Worker, type CompiledWorkerOptions } from '@temporalio/worker';
import type { WorkflowCreator } from '@temporalio/worker/lib/workflow/interface.js';
import type { WorkflowBundleWithSourceMapAndFilename as Bundle } from '@temporalio/worker/lib/workflow/workflow-worker-thread/input.js';

/**
 * A worker without a time limit on each step of a workflow. The SDK sets one of five seconds, which no option changes
 * to none; Node.js keeps it with a thread of its own for every call into the workflows' context, which were 15 a batch
 * and an eighth of all CPU at 1,000 events a second. The limit is for code that loops for ever, and ours awaits.
 */
export class UnwatchedWorker extends Worker {
  protected static override createWorkflowCreator(
    bundle: Bundle,
    options: CompiledWorkerOptions,
    logger: Logger,
  ): Promise<WorkflowCreator> {
    const unwatched: Omit<CompiledWorkerOptions, 'isolateExecutionTimeoutMs'> & {
      isolateExecutionTimeoutMs?: number;
    } = { ...options };
    delete unwatched.isolateExecutionTimeoutMs;
    return super.createWorkflowCreator(bundle, unwatched as CompiledWorkerOptions, logger);
  }
}
