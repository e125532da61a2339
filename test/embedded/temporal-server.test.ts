import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection, WorkflowClient } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { processStamp } from '../../src/embedded/process-stamp.ts';
import { startTemporal } from '../../src/embedded/temporal-server.ts';
import type { EmbeddedTemporal } from '../../src/embedded/temporal-server.ts';
import { lastingPort } from '../support/ports.ts';
import { silentLog, startInOtherProcess, takenPort, temporaryFolder } from './support.ts';

type Attributes = Record<string, 'Keyword'>;
type Options = {
  port?: number;
  uiPort?: number;
  searchAttributes?: Attributes;
  namespace?: string;
};

async function start(
  dataDir: string,
  { port = 0, uiPort = 0, searchAttributes = {}, namespace = 'default' }: Options = {},
): Promise<EmbeddedTemporal> {
  const options = { dataDir, log: silentLog, namespace, port, uiPort, searchAttributes };
  const server = await startTemporal(options);
  onTestFinished(() => server.stop());
  return server;
}

async function connected<T>(address: string, use: (connection: Connection) => Promise<T>) {
  const connection = await Connection.connect({ address });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

function startWorkflow(address: string, workflowId: string): Promise<unknown> {
  return connected(address, (connection) =>
    new WorkflowClient({ connection }).start('kept', { workflowId, taskQueue: 'nobody' }),
  );
}

function statusOf(address: string, workflowId: string): Promise<string> {
  return connected(address, async (connection) => {
    const { status } = await new WorkflowClient({ connection }).getHandle(workflowId).describe();
    return status.name;
  });
}

test('workflows outlive a stop and a start', async () => {
  const dataDir = await temporaryFolder();
  const first = await start(dataDir);
  await startWorkflow(first.address, 'wf');
  await first.stop();
  expect(processStamp(first.pid)).toBeUndefined();

  const second = await start(dataDir);
  expect(await statusOf(second.address, 'wf')).toBe('RUNNING');
});

test('when gateway and server are killed, the next start has what was acknowledged', async () => {
  const dataDir = await temporaryFolder();
  const { server, kill } = await startInOtherProcess('temporal', { dataDir });
  await startWorkflow(server.address ?? '', 'wf');
  await kill();
  process.kill(server.pid, 'SIGKILL');

  const next = await start(dataDir);
  expect(await statusOf(next.address, 'wf')).toBe('RUNNING');
});

test('when the gateway alone is killed, the next start stops the server left behind', async () => {
  const dataDir = await temporaryFolder();
  const { server, kill } = await startInOtherProcess('temporal', { dataDir });
  await kill();
  expect(processStamp(server.pid)).toBeDefined();

  await start(dataDir);
  expect(processStamp(server.pid)).toBeUndefined();
});

test('search attributes asked for later are added to a namespace that exists', async () => {
  const dataDir = await temporaryFolder();
  const first = await start(dataDir, { searchAttributes: { SluiceSource: 'Keyword' } });
  await first.stop();
  const searchAttributes: Attributes = { SluiceSource: 'Keyword', SluiceProject: 'Keyword' };
  const { address } = await start(dataDir, { searchAttributes });
  const { customAttributes } = await connected(address, ({ operatorService }) =>
    operatorService.listSearchAttributes({ namespace: 'default' }),
  );
  expect(customAttributes).toMatchObject({ SluiceSource: 2, SluiceProject: 2 });
});

test('where its ports are taken it takes others, so that two run side by side, each with its Web UI', async () => {
  const [port, uiPort] = [await takenPort(), await takenPort()];
  const servers = await Promise.all([
    start(await temporaryFolder(), { port, uiPort }),
    start(await temporaryFolder(), { port, uiPort, namespace: 'other' }),
  ]);
  const [one, two] = servers;
  await startWorkflow(one?.address ?? '', 'wf');
  await expect(statusOf(two?.address ?? '', 'wf')).rejects.toThrow(/not found/i);
  for (const { address, uiUrl } of servers) {
    expect(address).not.toBe(`127.0.0.1:${port}`);
    expect((await fetch(uiUrl)).status).toBe(200);
  }
});

test('two that start at the same moment do not take each other for their own', async () => {
  const port = await lastingPort();
  const [one, two] = await Promise.all([
    start(await temporaryFolder(), { port }),
    start(await temporaryFolder(), { port }),
  ]);
  await startWorkflow(one.address, 'wf');
  await expect(statusOf(two.address, 'wf')).rejects.toThrow(/not found/i);
});

test('a TEMPORAL_CLI that does not run is one sentence with what to do', async () => {
  const options = { namespace: 'default', uiPort: 0, port: 0, log: silentLog };
  const dataDir = await temporaryFolder();
  await expect(startTemporal({ ...options, dataDir, cli: '/nowhere/temporal' })).rejects.toThrow(
    /^TEMPORAL_CLI is \/nowhere\/temporal, which does not run: .+ Set it to the path/,
  );
});

test('a server that ends at once is reported with its last words', async () => {
  const dataDir = await temporaryFolder();
  const cli = join(dataDir, 'broken-cli');
  await writeFile(
    cli,
    '#!/bin/sh\n[ "$1" = --version ] || { echo "file is not a database"; exit 1; }\n',
  );
  await chmod(cli, 0o755);
  const options = { dataDir, cli, namespace: 'default', uiPort: 0, port: 0, log: silentLog };
  await expect(startTemporal(options)).rejects.toThrow(
    /^Temporal did not start: file is not a database\. .+ set TEMPORAL_ADDRESS/,
  );
});
