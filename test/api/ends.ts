import { createSandboxPool } from '../../src/sandbox/pool.ts';
import { startGateway, type Gateway, type Json } from './gateway.ts';

/** A connection of a gateway, with its source and its destination. */
export type Ends = {
  projectId: string;
  sourceId: string;
  destinationId: string;
  connectionId: string;
};

export async function makeEnds(gateway: Gateway): Promise<Ends> {
  const connection = await gateway.done('POST', '/connections', {
    name: 'c',
    source: { name: 'shop' },
    destination: { name: 'd', config: { url: 'https://example.com' } },
  });
  return {
    projectId: gateway.projectId,
    sourceId: String((connection['source'] as Json)['id']),
    destinationId: String((connection['destination'] as Json)['id']),
    connectionId: String(connection['id']),
  };
}

/** A gateway whose admin API runs code in a real sandbox of one child. */
export async function startGatewayWithSandbox(): Promise<Gateway> {
  const sandbox = createSandboxPool({ children: 1, log: { info() {}, warn() {} } });
  const gateway = await startGateway({ sandbox });
  return {
    ...gateway,
    async close() {
      await gateway.close();
      await sandbox.close();
    },
  };
}
