import { fileURLToPath } from 'node:url';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Log } from '../log.ts';
import { workflowBundle } from './bundle.ts';
import type { Temporal } from './connection.ts';
import { UnwatchedWorker } from './unwatched-worker.ts';
import { TASK_QUEUE } from './workflows.ts';

/** A Temporal worker that has begun to poll; `stop` lets what is under way finish. */
export type RunningWorker = { stop(): Promise<void>; failed: Promise<never> };

/** Sends Temporal's own log into ours, and leaves signals to us. Once a process, before anything connects. */
export function installRuntime(log: Log): void {
  const logger = new DefaultLogger('WARN', ({ level, message, meta }) => {
    const write = level === 'ERROR' ? 'error' : 'warn';
    log[write]({ ...meta }, message);
  });
  Runtime.install({
    logger,
    shutdownSignals: [],
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) },
    },
  });
}

const WORKFLOWS = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

export async function startWorker({
  temporal,
  activities,
  identity,
}: {
  temporal: Temporal;
  activities: object;
  identity: string;
}): Promise<RunningWorker> {
  if (!temporal.native) throw new Error('A worker needs a native connection');
  const bundle = await workflowBundle();
  const worker = await UnwatchedWorker.create({
    connection: temporal.native,
    namespace: temporal.namespace,
    taskQueue: TASK_QUEUE,
    identity,
    ...(bundle ? { workflowBundle: { codePath: bundle } } : { workflowsPath: WORKFLOWS }),
    activities,
    maxCachedWorkflows: 400,
    // A workflow task lasts as long as its local activities, and these wait for destinations.
    maxConcurrentWorkflowTaskExecutions: 200,
    // They wait for others most of the time; one destination takes 64 at most (activities/admission.ts).
    maxConcurrentActivityTaskExecutions: 1_000,
    maxConcurrentLocalActivityExecutions: 200,
    // Attempts are given up before; this is for what else takes long (processes/worker.ts).
    shutdownGraceTime: '5s',
    shutdownForceTime: '6s',
  });
  const running = worker.run();
  let stopping = false;
  return {
    failed: running.then(
      () => new Promise<never>(() => {}),
      // What did not end in time is no fault of a worker that was told to stop.
      (error: unknown) => (stopping ? new Promise<never>(() => {}) : Promise.reject(error)),
    ),
    async stop() {
      stopping = true;
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running.catch(() => {});
    },
  };
}
