/**
 * Records the histories that test/workflows/replay.test.ts replays, from real servers:
 *
 *   temporal server start-dev --headless --port 7411 \
 *     --dynamic-config-value limit.historyCount.suggestContinueAsNew=60 \
 *     --search-attribute SluiceProject=Keyword --search-attribute SluiceSource=KeywordList \
 *     --search-attribute SluiceDestination=Keyword
 *   TEMPORAL_ADDRESS=127.0.0.1:7411 DATA_DIR=/tmp/record PORT=8411 API_KEY=sk_record_0123456789 \
 *     EGRESS_ALLOW_CIDRS=127.0.0.0/8 npm run sluice all
 *   node test/support/record-histories.ts http://127.0.0.1:8411 sk_record_0123456789 127.0.0.1:7411
 *
 * Histories that are recorded stay: they are what waits in installations. A change of a workflow adds new ones.
 */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { createAdmin, requestIdOf, type Json } from './admin.ts';
import { until } from './until.ts';

const [url = '', apiKey = '', address = ''] = process.argv.slice(2);
const admin = createAdmin({ url: () => url, apiKey: () => apiKey });
const connection = await Connection.connect({ address });
const { workflow } = new Client({ connection, namespace: 'default' });
const folder = new URL('../fixtures/histories/', import.meta.url);
await mkdir(folder, { recursive: true });

// Answers with the status its path begins with, so many times, and with 200 after that.
const refusals = new Map<string, number>();
const server = createServer((req, res) => {
  const [, name = '', times = '0'] = req.url!.split('/');
  const before = refusals.get(name) ?? 0;
  refusals.set(name, before + 1);
  res.writeHead(before < Number(times) ? 503 : 200).end();
  req.resume();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const receiver = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const run = Date.now().toString(36);

async function record(name: string, workflowId: string, runId?: string): Promise<void> {
  const history = await workflow.getHandle(workflowId, runId).fetchHistory();
  const text = JSON.stringify(JSON.parse(historyToJSON(history)));
  await writeFile(new URL(`${name}.json`, folder), `${text}\n`);
  console.log(`${name}: ${workflowId}, ${history.events?.length} events`);
}

async function event(
  given: { name: string; refuse?: number; rules?: object[]; policy?: object; count?: number },
  status: string,
  meanwhile: (destinationId: string) => Promise<void> = () => Promise.resolve(),
): Promise<{ workflowId: string; destinationId: string; requestWorkflowId: string }> {
  const name = `${given.name}-${run}`;
  const { destinationId } = await admin.define({
    name,
    url: `${receiver}/${name}/${given.refuse ?? 0}`,
    rules: given.rules ?? [],
    destination: given.policy ? { delivery_policy: given.policy } : {},
  });
  await meanwhile(destinationId);
  const posts = Array.from({ length: given.count ?? 1 }, () => admin.post(name));
  const [requestId] = (await Promise.all(posts)).map(requestIdOf);
  const wanted = (one: Json) => (one['status'] as string) === status;
  const found = await admin.eventWhere(requestId!, { what: status, wanted });
  const workflowId = found['workflow_id'] as string;
  const requestWorkflowId = `requests/${workflowId.split('/')[1]}`;
  return { workflowId, destinationId, requestWorkflowId };
}

const retry = (interval: number) => [{ type: 'retry', strategy: 'linear', interval, count: 5 }];
const closed = (workflowId: string) =>
  until(`${workflowId} has ended`, async () => {
    const { status } = await workflow.getHandle(workflowId).describe();
    return status.name !== 'RUNNING';
  });

const happy = await event({ name: 'happy' }, 'SUCCESSFUL');
await closed(happy.workflowId);
await record('requests-routed', happy.requestWorkflowId);
await record('delivery-at-once', happy.workflowId);

const retried = await event({ name: 'retried', refuse: 2, rules: retry(1_000) }, 'SUCCESSFUL');
await closed(retried.workflowId);
await record('delivery-with-retries', retried.workflowId);

const waiting = await event({ name: 'waiting', refuse: 9, rules: retry(3_600_000) }, 'FAILED');
await record('delivery-waiting', waiting.workflowId);

const gate = async (id: string, signal: string, ...args: unknown[]) => {
  await until('the control workflow', () =>
    workflow
      .getHandle(`destination/${id}`)
      .signal(signal, ...args)
      .then(
        () => true,
        () => false,
      ),
  );
};
const paused = await event({ name: 'paused' }, 'HOLD', async (id) => {
  await gate(id, 'pause', { reason: 'recorded' });
  await until('the gate is shut', async () => {
    const handle = workflow.getHandle(`destination/${id}`);
    return (await handle.query<{ paused: boolean }>('state')).paused;
  });
});
await gate(paused.destinationId, 'resume');
await closed(paused.workflowId);
await record('delivery-held-and-woken', paused.workflowId);
await record('control-paused-and-resumed', `destination/${paused.destinationId}`);

const counted = await event({ name: 'counted' }, 'HOLD', async (id) => {
  await gate(id, 'pause');
  await until('the gate is shut', async () => {
    const handle = workflow.getHandle(`destination/${id}`);
    return (await handle.query<{ paused: boolean }>('state')).paused;
  });
});
await workflow.getHandle(`destination/${counted.destinationId}`).executeUpdate('count');
await gate(counted.destinationId, 'unknown');
await gate(counted.destinationId, 'unpause');
await closed(counted.workflowId);
await record('control-counted', `destination/${counted.destinationId}`);

const paced = await event(
  { name: 'paced', policy: { rate: 12, period: 'minute' }, count: 3 },
  'SUCCESSFUL',
);
// Two wait for their pace: the gate holds them, too.
const controlled = `destination/${paced.destinationId}`;
await gate(paced.destinationId, 'pause');
await until('what waits has been held', async () => {
  const { events = [] } = await workflow.getHandle(controlled).fetchHistory();
  return events?.some((one) => one.activityTaskCompletedEventAttributes);
});
await gate(paced.destinationId, 'resume');
await until('all of it has been let go', async () => {
  const { events = [] } = await workflow.getHandle(controlled).fetchHistory();
  return (events ?? []).filter((one) => one.activityTaskCompletedEventAttributes).length === 2;
});
await closed(paced.workflowId);
await record('delivery-paced', paced.workflowId);
await record('control-held-and-resumed', controlled);

const first = await workflow.getHandle(controlled).describe();
await until('the control workflow goes on in a new run', async () => {
  await gate(paced.destinationId, 'pause');
  await gate(paced.destinationId, 'resume');
  const { runId } = await workflow.getHandle(controlled).describe();
  return runId !== first.runId;
});
await record('control-handed-over', controlled, first.runId);

server.close();
await connection.close();
