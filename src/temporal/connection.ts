import { Client, Connection } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';

/** A way to Temporal; `native` where a worker of this process shares it: only so can a workflow start on it at once. */
export type Temporal = {
  connection: Connection | NativeConnection;
  native: NativeConnection | null;
  client: Client;
  namespace: string;
};

/** Where a Temporal server answers, and for which namespace of it. */
export type Address = { address: string; namespace: string };

// By default a server that was away for a while would not be tried again for minutes.
const RECONNECT = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

/** Connects when first needed, and again whenever needed: a process that takes requests in starts without Temporal. */
export function reachTemporal({ address, namespace }: Address): Temporal {
  const connection = Connection.lazy({ address, channelArgs: RECONNECT });
  return { connection, native: null, client: new Client({ connection, namespace }), namespace };
}

/** Whether Temporal answers for our namespace now. */
export async function isReachable({ connection, namespace }: Temporal): Promise<boolean> {
  try {
    await connection.withDeadline(Date.now() + 2_000, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } catch {
    return false;
  }
}
