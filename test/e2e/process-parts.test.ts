import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startGateway } from '../support/gateway.ts';
import { killAll, processesOf, systemProcesses } from '../support/processes.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

type PartName = 'api' | 'worker';

const receiver = await startReceiver();
const gateway = await startGateway();
const { admin } = gateway;
const successful = ({ status }: Json) => status === 'SUCCESSFUL';

/** The process that is this part of the gateway now. */
function partOf(name: PartName): number {
  const parent = gateway.process().pid;
  const found = systemProcesses().find(
    (one) => one.parentPid === parent && one.command.startsWith(`sluice-${name}`),
  );
  return found?.pid ?? -1;
}

/** Numbered requests from several senders, each sent until it is acknowledged; returns the ids by number. */
async function sendThrough(name: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  let next = 0;
  const sender = async () => {
    for (let n = next++; n < count; n = next++) {
      const send = () => admin.post(name, JSON.stringify({ n })).catch(() => null);
      const taken = async () => {
        const answer = await send();
        return answer?.status === 200 ? answer : null;
      };
      ids[n] = requestIdOf(await until(`request ${n} to be taken`, taken));
    }
  };
  await Promise.all(Array.from({ length: 10 }, sender));
  return ids;
}

test.each<PartName>(['api', 'worker'])(
  'kill -9 of the %s process loses nothing, and another takes its place',
  async (name) => {
    await admin.define({ name, url: receiver.url(name) });
    const before = partOf(name);
    expect(before).toBeGreaterThan(0);
    const sending = sendThrough(name, 600);
    await receiver.nth(name, 50);
    killAll([before]);
    const ids = await sending;
    await until('another process', () => ![-1, before].includes(partOf(name)));
    // All requests may have been taken before it was killed: then nobody has waited for the next one.
    const answers = () => admin.done('GET', '/sources/count').catch(() => null);
    await until('the API to answer', answers);
    for (const id of ids) {
      const how = { what: 'is delivered', wanted: successful };
      await admin.eventWhere(id, how);
    }
  },
);

test('the API goes on at its port while there is no worker', async () => {
  await admin.define({ name: 'alone', url: receiver.url('alone') });
  killAll([partOf('worker')]);
  const answers = await Promise.all(Array.from({ length: 20 }, () => admin.post('alone')));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  await receiver.nth('alone', 20);
});

test('no secret stands in the arguments of a process', () => {
  const shown = processesOf(gateway.dataDir).map(({ command }) => command);
  expect(shown.length).toBeGreaterThan(2);
  expect(shown.filter((command) => command.includes(gateway.apiKey))).toEqual([]);
  expect(shown.filter((command) => /postgres:\/\/|sk_/.test(command))).toEqual([]);
});

test('kill -9 of the parent ends its parts, and the next start goes on', async () => {
  const parts = [partOf('api'), partOf('worker')];
  const running = () => systemProcesses().filter(({ pid }) => parts.includes(pid));
  expect(running()).toHaveLength(2);
  killAll([gateway.process().pid]);
  await until('both parts to end', () => running().length === 0);
  await gateway.process().ended;

  await gateway.start();
  await admin.define({ name: 'next', url: receiver.url('next') });
  requestIdOf(await admin.post('next'));
  await receiver.nth('next', 1);
  expect(await gateway.stop()).toBe(0);
  expect(processesOf(gateway.dataDir)).toEqual([]);
});
