import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { createAdmin, requestIdOf, type Json } from '../support/admin.ts';
import { launch, launchCommand, type GatewayProcess } from '../support/gateway-process.ts';
import { temporaryData } from '../support/gateway.ts';
import { lastingPort } from '../support/ports.ts';
import { processesOf } from '../support/processes.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const STARTED = /Try it:\s+(curl .+)\n/;

type ServerRecord = { server: { pid: number } };

const isDelivered = ({ status }: Json) => status === 'SUCCESSFUL';

const receiver = await startReceiver();
const dataDir = await temporaryData();
const port = await lastingPort();
const settings = { DATA_DIR: dataDir, PORT: String(port) };
const url = `http://127.0.0.1:${port}`;
let gateway = launch('all', settings);
const [table, command] = await gateway.said(STARTED);
const shown = gateway.output();
const key = /API key +(sk_\S+)/.exec(shown)?.[1] ?? '';
const admin = createAdmin({ url: () => url, apiKey: () => key });
const firstRequest = requestIdOf(await admin.post('demo'));
await admin.eventWhere(firstRequest, { what: 'is delivered', wanted: isDelivered });

// A test that failed in the middle leaves nothing dead to the next.
beforeEach(async () => {
  if (gateway.hasEnded()) await startAgain();
});

let starts = 1;
async function startAgain(): Promise<void> {
  starts++;
  gateway = launch('all', { ...settings, LOG_LEVEL: 'warn' });
  await gateway.said(STARTED);
}

/**
 * Ctrl-C, or the end of its terminal: its exit code, what it left behind and what it said. By its own clock a gateway gives up after 20 s and ends
 * with another code than 0.
 */
async function stop(
  running: GatewayProcess,
  folder: string,
  end: 'interrupt' | 'hangUp' = 'interrupt',
) {
  const before = running.output().length;
  const code = await running[end]();
  return { code, left: processesOf(folder), said: running.output().slice(before) };
}

const IN_ORDER = { code: 0, left: [], said: '' };

test('the first start prints where everything is, and a command that works when pasted', async () => {
  expect(table).toBeDefined();
  expect(shown).toContain(`${url}/in/<source>`);
  expect(shown).toContain(`${url}/2026-09-01`);
  expect(shown).not.toMatch(/dashboard/i);
  expect(shown).toMatch(/Temporal +127\.0\.0\.1:\d+, namespace default/);
  expect(shown).toMatch(/Temporal Web UI +http:\/\/127\.0\.0\.1:\d+/);
  expect(key).not.toBe('');

  const pasted = spawnSync('sh', ['-c', command!], { encoding: 'utf8' });
  const answer = JSON.parse(pasted.stdout) as { status: string; request_id: string };
  expect(answer.status).toBe('SUCCESS');
  await admin.eventWhere(answer.request_id, { what: 'is delivered', wanted: isDelivered });
});

test('the links it prints lead to something', async () => {
  const ui = /Temporal Web UI +(\S+)/.exec(shown)![1]!;
  for (const link of [ui, `${url}/openapi.json`, `${url}/healthz`, `${url}/readyz`]) {
    expect({ link, status: (await fetch(link)).status }).toEqual({ link, status: 200 });
  }
});

/** Runs a command beside a gateway, as its operator does. */
function sluice(args: string[], env: Record<string, string> = settings) {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'sluice', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

test('the key is printed once, and a command shows it again', () => {
  expect(shown.split(key)).toHaveLength(2);
  expect(sluice(['key']).stdout).toBe(key);
});

test('the temporal command reaches the gateway’s own server, whatever other server the shell names', () => {
  const other = {
    TEMPORAL_NAMESPACE: 'elsewhere',
    TEMPORAL_API_KEY: 'of another',
    TEMPORAL_TLS: 'true',
  };
  const list = (...args: string[]) => {
    const found = sluice(['temporal', '--', 'workflow', 'list', '-o', 'json', ...args], {
      ...settings,
      ...other,
    });
    return (JSON.parse(found.stdout) as { type: { name: string } }[]).map(({ type }) => type.name);
  };
  const types = ['controlConnection', 'controlDestination', 'deliverEvents', 'processRequests'];
  expect([...new Set(list())].toSorted()).toEqual(types);
  // The link to the Web UI leaves out what runs for ever and would fill its first page.
  const link = new URL(/Temporal Web UI +(\S+)/.exec(shown)![1]!);
  const filtered = list('--query', link.searchParams.get('query')!);
  expect([...new Set(filtered)].toSorted()).toEqual(['deliverEvents', 'processRequests']);
  const failed = sluice(['temporal', '--', 'workflow', 'describe', '--workflow-id', 'nothing']);
  expect(failed.status).toBe(1);
  expect(sluice(['temporal'], { DATA_DIR: join(dataDir, 'elsewhere') })).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^No gateway runs on .*DATA_DIR.*TEMPORAL_ADDRESS/),
  });
});

test('a second start on the same data says who has it, and ends', async () => {
  const second = launch('all', { ...settings, PORT: String(await lastingPort()) });
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain(`Process ${gateway.pid} already runs on the data directory`);
  expect(second.output()).toContain('DATA_DIR');
  expect(second.output().trim().split('\n')).toHaveLength(1);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test('two gateways run side by side, each with its own events, also when started by npm', async () => {
  const otherData = await temporaryData();
  const otherKey = 'sk_of_the_other_gateway';
  const otherUrl = `http://127.0.0.1:${await lastingPort()}`;
  const other = launchCommand(
    ['npm', 'start'],
    { DATA_DIR: otherData, PORT: new URL(otherUrl).port, LOG_LEVEL: 'warn', API_KEY: otherKey },
    ROOT,
  );
  await other.said(STARTED);
  expect(other.output()).toMatch(/API key +the one in API_KEY/);
  expect(sluice(['key'], { DATA_DIR: otherData })).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^The gateway on .* was started with API_KEY set/),
  });
  const theirs = createAdmin({ url: () => otherUrl, apiKey: () => otherKey });
  expect((await theirs.models('/requests')).map((request) => request['id'])).not.toContain(
    firstRequest,
  );
  expect((await admin.call('GET', '/requests')).status).toBe(200);
  expect((await theirs.call('GET', `/requests/${firstRequest}`)).status).toBe(404);

  await other.interrupt();
  await until('nothing is left of it', () => processesOf(otherData).length === 0);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test('Ctrl-C stops everything in order within 20 s, without a word, and leaves no process', async () => {
  expect(await stop(gateway, dataDir)).toEqual(IN_ORDER);
});

test('closing the terminal stops everything in order as well', async () => {
  expect(await stop(gateway, dataDir, 'hangUp')).toEqual(IN_ORDER);
});

test('the next start continues: same key, same events, and new ones', async () => {
  if (starts === 1) {
    await gateway.interrupt();
    await startAgain();
  }
  expect(gateway.output()).not.toContain(key);
  expect(gateway.output()).toContain('npm run sluice key');
  const [event] = await admin.eventsOf(firstRequest);
  expect(event).toMatchObject({ status: 'SUCCESSFUL', attempts: 1 });

  const requestId = requestIdOf(await admin.post('demo'));
  await admin.eventWhere(requestId, { what: 'is delivered', wanted: isDelivered });
});

test.each(['postgres.json', 'temporal.json'])(
  'an embedded server that is killed is started again, and nothing is lost (%s)',
  async (file) => {
    const record = JSON.parse(readFileSync(join(dataDir, file), 'utf8')) as ServerRecord;
    const before = requestIdOf(await admin.post('demo'));
    process.kill(record.server.pid, 'SIGKILL');
    const answered = async () => {
      const answer = await admin.post('demo');
      return answer.status === 200 ? answer : null;
    };
    await until('another process serves', () => {
      const now = existsSync(join(dataDir, file)) && readFileSync(join(dataDir, file), 'utf8');
      return now && (JSON.parse(now) as ServerRecord).server.pid !== record.server.pid;
    });
    const after = requestIdOf(await until('requests are taken', answered));
    for (const id of [before, after]) {
      const how = { what: 'is delivered', wanted: isDelivered };
      expect(await admin.eventWhere(id, how)).toMatchObject({ status: 'SUCCESSFUL' });
    }
  },
);

test('Ctrl-C while a delivery hangs ends in time as well, and the next start delivers it', async () => {
  receiver.script('hanging', [{ does: 'hang' }, { status: 200 }]);
  await admin.define({ name: 'hanging', url: receiver.url('hanging') });
  const requestId = requestIdOf(await admin.post('hanging'));
  await receiver.nth('hanging', 1);
  expect(await stop(gateway, dataDir)).toMatchObject({ code: 0, left: [] });

  await startAgain();
  const event = await admin.eventWhere(requestId, { what: 'is delivered', wanted: isDelivered });
  expect(event).toMatchObject({ attempts: 2 });
  expect(await stop(gateway, dataDir)).toEqual(IN_ORDER);
});

test.each(['postgres.json', 'temporal.json'])(
  'Ctrl-C in the middle of a first start leaves no process either (once there is %s)',
  async (file) => {
    const early = await temporaryData();
    const starting = launch('all', { DATA_DIR: early, PORT: '0', LOG_LEVEL: 'warn' });
    await until(file, () => existsSync(join(early, file)), { everyMs: 5 });
    expect(await stop(starting, early)).toEqual({ ...IN_ORDER, said: starting.output() });
    expect(starting.output()).toBe('');
  },
);

test('a key of the first start that was rolled is not shown again, and the next start says so', async () => {
  const [first] = await admin.models('/api-keys');
  const rolled = await admin.done('POST', `/api-keys/${String(first?.['id'])}/roll`, {
    delay_sec: 0,
  });
  expect(rolled['key']).toMatch(/^sk_/);
  expect(sluice(['key'])).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/was revoked or rolled, so it no longer works.*API_KEY/),
  });
  await gateway.interrupt();
  await startAgain();
  expect(gateway.output()).toMatch(/API key +the one of the first start was revoked or rolled/);
});
