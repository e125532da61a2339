import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';

/** A connection to Temporal that a client and a worker share: only so can a workflow start on this very worker at once. */
export type Temporal = { connection: NativeConnection; client: Client; namespace: string };

export async function connectTemporal({
  address,
  namespace,
}: {
  address: string;
  namespace: string;
}): Promise<Temporal> {
  const connection = await NativeConnection.connect({
    address,
    // Ids and times compress to nothing; on one host it is only work.
    grpcCompression: { codec: 'none' },
  });
  return { connection, client: new Client({ connection, namespace }), namespace };
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
