import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Address, Temporal } from './connection.ts';

/**
 * Connects now, for a process with a worker, through what the worker itself uses: only so can a workflow start on it at
 * once. Rejects where no server answers.
 */
export async function connectTemporal({ address, namespace }: Address): Promise<Temporal> {
  const connection = await NativeConnection.connect({
    address,
    // Ids and times compress to nothing; on one host it is only work.
    grpcCompression: { codec: 'none' },
  });
  const client = new Client({ connection, namespace });
  return { connection, native: connection, client, namespace };
}
