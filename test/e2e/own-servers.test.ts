import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listenersOf } from '../../src/embedded/listening.ts';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startGateway } from '../support/gateway.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const machine = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find((one) => !one.internal && one.family === 'IPv4')?.address;
const receiver = await startReceiver();
const gateway = await startGateway({
  PORT: '0',
  HOST: '0.0.0.0',
  EGRESS_ALLOW_CIDRS: '0.0.0.0/0,::/0',
});
const { admin } = gateway;

/** Null while none is there. */
function pidOf(server: 'postgres' | 'temporal'): number | null {
  try {
    return JSON.parse(readFileSync(join(gateway.dataDir, `${server}.json`), 'utf8')).server.pid;
  } catch {
    return null;
  }
}
const portsOf = async (server: 'postgres' | 'temporal') => [
  ...new Set((await listenersOf([pidOf(server) ?? -1])).map((one) => one.port)),
];

let count = 0;
/** What becomes of an event whose destination is there. */
async function attemptAt(url: string): Promise<Json> {
  const name = `own-${count++}`;
  const answer = await admin.call('PUT', '/connections', {
    name,
    source: { name },
    destination: { name, type: 'HTTP', config: { url } },
    rules: [],
  });
  // Saying so when it is saved is as good.
  if (answer.status === 422) return { error_code: 'DESTINATION_NOT_ALLOWED' };
  const requestId = requestIdOf(await admin.post(name));
  const { id } = await admin.eventWhere(requestId, {
    what: 'is over',
    wanted: ({ status }) => status === 'FAILED' || status === 'SUCCESSFUL',
    withinMs: 30_000,
  });
  return (await admin.attemptsOf(id as string))[0];
}

const REFUSED = { error_code: 'DESTINATION_NOT_ALLOWED' };

test('every port of the embedded servers is out of reach', async () => {
  const temporal = await portsOf('temporal');
  const postgres = await portsOf('postgres');
  // Its API for HTTP among them, and its services.
  expect(temporal.length).toBeGreaterThan(3);
  expect(postgres).toHaveLength(1);
  const found = await Promise.all(
    [...temporal, ...postgres].map((port) => attemptAt(`http://127.0.0.1:${port}/`)),
  );
  for (const attempt of found) expect(attempt).toMatchObject(REFUSED);
  expect(await attemptAt(receiver.url('free'))).toMatchObject({ status: 'SUCCESSFUL' });
});

test('neither are the ports they have after they were started again', async () => {
  const before = pidOf('temporal');
  process.kill(before!, 'SIGKILL');
  await until('it runs again', () => ![null, before].includes(pidOf('temporal')), {
    withinMs: 60_000,
  });
  const ports = await until(
    'it listens',
    async () => {
      const found = await portsOf('temporal');
      return found.length > 3 ? found : null;
    },
    { withinMs: 60_000 },
  );
  const found = await Promise.all(ports.map((port) => attemptAt(`http://127.0.0.1:${port}/`)));
  for (const attempt of found) expect(attempt).toMatchObject(REFUSED);
});

test('the gateway itself, on the port the system gave it, is out of reach by every name', async () => {
  const { port } = new URL(gateway.url());
  const hosts = ['localhost', '127.0.0.1', '127.0.0.2', '[::ffff:127.0.0.1]', hostname()];
  if (machine !== undefined) hosts.push(machine);
  const found = await Promise.all(hosts.map((host) => attemptAt(`http://${host}:${port}/healthz`)));
  for (const attempt of found) {
    expect(attempt['response_status'] ?? null).toBeNull();
    expect(['DESTINATION_NOT_ALLOWED', 'DNS_LOOKUP_FAILED']).toContain(attempt['error_code']);
  }
  expect(found.slice(0, 4)).toEqual(Array(4).fill(expect.objectContaining(REFUSED)));
});

test('a port that is known from the start is refused when the destination is saved', async () => {
  const record = JSON.parse(readFileSync(join(gateway.dataDir, 'gateway.json'), 'utf8'));
  const answer = await admin.call('POST', '/destinations', {
    name: 'own-temporal',
    type: 'HTTP',
    config: { url: `http://${record.temporal.address}/` },
  });
  expect(answer.status).toBe(422);
  expect(answer.body['message']).toMatch(/^body\.config\.url is refused: .*a port of this gateway/);
});
