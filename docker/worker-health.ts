// Exits with 0 while Temporal sees a worker of this machine asking for work: the health check of the
// worker container. It fails for a worker that hangs as for one whose Temporal cannot be reached.
import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import { TASK_QUEUE } from '../src/temporal/workflows.ts';

/** A worker without work asks again after a minute at the latest. */
const FRESH_MS = 130_000;
const CALL_MS = 10_000;
const [, , address = '', namespace = ''] = process.argv;
const connection = await Connection.connect({ address, connectTimeout: CALL_MS });
const { pollers } = await connection.withDeadline(Date.now() + CALL_MS, () =>
  connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: TASK_QUEUE },
    // Not given: the queue of workflows.
  }),
);
const ours = pollers.filter(({ identity }) => identity?.endsWith(`@${hostname()}`));
const freshest = Math.max(
  0,
  ...ours.map(({ lastAccessTime: at }) => Number(at?.seconds ?? 0) * 1_000),
);
await connection.close();
process.exit(Date.now() - freshest < FRESH_MS ? 0 : 1);
