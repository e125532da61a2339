import { isGrpcServiceError } from '@temporalio/client';
import { StartupError } from '../embedded/errors.ts';
import { giveWay } from '../embedded/priority.ts';
import type { Log } from '../log.ts';
import type { Address, Temporal } from '../temporal/connection.ts';
import { connectTemporal } from '../temporal/native-connection.ts';
import { addSearchAttributes } from '../temporal/search-attributes.ts';
import { installRuntime } from '../temporal/worker.ts';
import type { Context } from './context.ts';
import { openFoundation } from './foundation.ts';
import type { Platform } from './platform.ts';
import { startWorkerProcess, type WorkerProcess } from './worker.ts';

// As gRPC counts its answers.
const NOT_FOUND = 5;

/** Opens what the worker stands on and starts it; a worker that fails ends the process. */
export async function runWorker(
  { config, log, shutdown }: Context,
  platform: Platform,
): Promise<WorkerProcess> {
  const { signal, onEnd } = shutdown;
  giveWay(process.pid);
  installRuntime(log);
  signal.throwIfAborted();
  const foundation = await openFoundation(config, {
    platform,
    log,
    connect: (at) => connect(at, log),
    onEnd,
  });
  signal.throwIfAborted();
  const worker = await startWorkerProcess(foundation);
  onEnd(() => worker.stop());
  worker.failed.catch((error: unknown) => {
    log.fatal({ error }, 'The Temporal worker failed');
    void shutdown.end(1);
  });
  return worker;
}

async function connect(at: Address, log: Log): Promise<Temporal> {
  const temporal = await connectTemporal(at).catch((cause: unknown) => {
    throw new StartupError(
      `Temporal does not answer at ${at.address}. Check TEMPORAL_ADDRESS, and that the server runs.`,
      { cause },
    );
  });
  await addSearchAttributes(temporal.connection, at.namespace).catch((error: unknown) => {
    if (isGrpcServiceError(error) && (error.code as number) === NOT_FOUND) {
      throw new StartupError(
        `Temporal at ${at.address} has no namespace ${at.namespace}. Make it ("temporal operator namespace create"), or set TEMPORAL_NAMESPACE to one it has.`,
        { cause: error },
      );
    }
    log.warn(
      { error },
      'Search attributes could not be added; the migrate command needs the right to',
    );
  });
  return temporal;
}
