import { Client, Connection } from '@temporalio/client';
import { afterAll } from 'vitest';

/** Looks into Temporal as an operator does; closed when the file's tests are over. */
export async function temporalClient(address: string): Promise<Client> {
  const connection = await Connection.connect({ address });
  afterAll(() => connection.close());
  return new Client({ connection, namespace: 'default' });
}
