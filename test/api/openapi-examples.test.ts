import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXAMPLE_ID } from '../../src/api/examples/ids.ts';
import { BASE_PATH } from '../../src/api/server.ts';
import { createSandboxPool, type SandboxPool } from '../../src/sandbox/pool.ts';
import { type Operation, operationsOf, type Placed } from './conformance.ts';
import { type Gateway, type Json, startGateway } from './gateway.ts';
import { arrive, ignore, makeEvent } from './history.ts';

const PUBLIC_URL = 'https://hooks.example.com';

let sandbox: SandboxPool;
let gateway: Gateway;
/** The ids of the examples, each with that of the thing that was made for it. */
let made: Map<string, string>;
beforeAll(async () => {
  sandbox = createSandboxPool({ children: 1, log: { info() {}, warn() {} } });
  gateway = await startGateway({ publicUrl: PUBLIC_URL, sandbox });
  made = new Map([[EXAMPLE_ID.project, gateway.projectId]]);
});
afterAll(async () => {
  await gateway.close();
  await sandbox.close();
});

test('every example request is accepted, and its answer has the fields of the example', async () => {
  const operations = operationsOf(gateway.document).filter(
    ({ path, requestBody }) => path.startsWith(BASE_PATH) && requestBody,
  );
  expect(operations.length).toBeGreaterThan(15);
  const same: unknown[][] = [];
  for (const operation of operations) {
    await prepare(operation);
    const path = withOwnIds(pathOf(operation)).slice(BASE_PATH.length);
    const body = JSON.parse(withOwnIds(JSON.stringify(exampleOf(operation.requestBody)))) as Json;
    const answer = await gateway.done(operation.method.toUpperCase(), path, body);
    const example = exampleOf(operation.responses[200]) as Json;
    expect([operation.operationId, fieldsOf(answer)]).toEqual([
      operation.operationId,
      fieldsOf(example),
    ]);
    // From here on the examples' ids stand for what was made.
    if (operation.method === 'post' && typeof example['id'] === 'string') {
      made.set(example['id'], String(answer['id']));
    }
    if (AS_THE_EXAMPLE.includes(operation.operationId)) same.push([answer, example].map(timeless));
  }
  expect(same.map(([answer]) => answer)).toEqual(same.map(([, example]) => example));
  expect(same.length).toBe(AS_THE_EXAMPLE.length);
});

const AS_THE_EXAMPLE = [
  'post_sources',
  'put_sources',
  'post_destinations',
  'put_destinations_by_id',
  'post_connections',
  'post_transformations',
  'put_transformations_run',
];

/** Makes what an example takes for granted. */
async function prepare({ operationId }: Placed): Promise<void> {
  const own = (id: string) => made.get(id)!;
  if (operationId === 'put_sources_by_id_setup') {
    const notion = await gateway.done('POST', '/sources', { name: 'notion', type: 'NOTION' });
    made.set('shop', own(EXAMPLE_ID.source)).set(EXAMPLE_ID.source, String(notion['id']));
  }
  if (operationId === 'post_destinations') made.set(EXAMPLE_ID.source, own('shop'));
  if (operationId !== 'post_requests_by_id_retry') return;
  const ends = {
    projectId: gateway.projectId,
    sourceId: own(EXAMPLE_ID.source),
    connectionId: own(EXAMPLE_ID.connection),
    destinationId: own(EXAMPLE_ID.destination),
  };
  // It was split, and one of its pieces was not taken.
  const requestId = await arrive(gateway.db, ends);
  await ignore(gateway.db, { ...ends, requestId, cause: 'TRANSFORMATION_FAILED' });
  made.set(EXAMPLE_ID.event, await makeEvent(gateway.db, { ...ends, requestId, status: 'FAILED' }));
  made.set(EXAMPLE_ID.request, requestId);
}

/** The path with the examples of its parameters. */
function pathOf({ path, parameters = [] }: Placed): string {
  const ids = Object.fromEntries(parameters.map(({ name, example }) => [name, String(example)]));
  return path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => ids[name] ?? '');
}

function withOwnIds(text: string): string {
  // A longer id may begin with a shorter one.
  const ids = [...made].toSorted(([a], [b]) => b.length - a.length);
  return ids.reduce((done, [example, own]) => done.replaceAll(example, own), text);
}

function exampleOf(part: Operation['requestBody'] | Operation['responses'][string]): unknown {
  return (part as { content?: Record<string, { example: unknown }> }).content?.['application/json']
    ?.example;
}

function fieldsOf(value: Json): string[] {
  return Object.keys(value).toSorted();
}

/** A value without what differs between two runs: ids, times and durations. */
function timeless(value: Json): unknown {
  const text = JSON.stringify(value)
    .replaceAll(/\b([a-z]+)_[0-9a-z]{20,36}\b/g, '$1')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time')
    .replaceAll(/"duration_ms":[\d.]+/g, '"duration_ms":1');
  return JSON.parse(text);
}
