import { expect, test } from 'vitest';
import { groupProcesses } from '../../bench/processes/groups.ts';
import { parseProcStat, type ProcStat } from '../../bench/processes/proc-stat.ts';

const LINE =
  '4711 (a (strange) name) S 42 4711 4711 0 -1 4194304 100 0 0 0 250 50 7 3 20 0 12 0 100 0 0';

test('a command name with brackets and blanks does not shift the fields behind it', () => {
  expect(parseProcStat(LINE)).toEqual({
    pid: 4711,
    parent: 42,
    command: 'a (strange) name',
    ownTicks: 300,
    childTicks: 10,
  });
});

test('a file that vanished while it was read is no process', () => {
  expect(parseProcStat('')).toBeNull();
});

const process = (pid: number, parent: number, rest: Partial<ProcStat> = {}): ProcStat => ({
  pid,
  parent,
  command: 'node',
  ownTicks: 0,
  childTicks: 0,
  ...rest,
});

test('a gateway is billed with its servers and children, and with nobody else', () => {
  const groups = groupProcesses(
    [
      process(1, 0, { ownTicks: 1_000 }),
      process(10, 1, { ownTicks: 500, childTicks: 30 }),
      process(11, 10, { command: 'temporal', ownTicks: 70 }),
      process(12, 10, { command: 'postgres', ownTicks: 5, childTicks: 8 }),
      process(13, 12, { command: 'postgres', ownTicks: 40 }),
      process(14, 10, { ownTicks: 9 }),
      process(20, 1, { command: 'postgres', ownTicks: 999 }),
    ],
    10,
  );
  expect(groups.gateway).toEqual({ pids: [10], ticks: 500 });
  expect(groups.temporal).toEqual({ pids: [11], ticks: 70 });
  expect(groups.postgres).toEqual({ pids: [12, 13], ticks: 53 });
  expect(groups.sandbox).toEqual({ pids: [14], ticks: 39 });
});

test('api and worker count as the gateway, and what they started as its sandbox', () => {
  const groups = groupProcesses(
    [
      process(10, 1, { ownTicks: 50 }),
      process(11, 10, { command: 'sluice-api', ownTicks: 7 }),
      process(12, 10, { command: 'sluice-worker', ownTicks: 20, childTicks: 3 }),
      process(13, 12, { ownTicks: 4 }),
    ],
    10,
  );
  expect(groups.gateway.pids.toSorted((a, b) => a - b)).toEqual([10, 11, 12]);
  expect(groups.gateway.ticks).toBe(77);
  expect(groups.sandbox).toEqual({ pids: [13], ticks: 7 });
});

test('what a process used is not forgotten when it ends', () => {
  const before = [process(10, 1), process(12, 10, { command: 'postgres' })];
  const running = process(13, 12, { command: 'postgres', ownTicks: 40 });
  const after = [process(10, 1), process(12, 10, { command: 'postgres', childTicks: 45 })];
  expect(groupProcesses([...before, running], 10).postgres.ticks).toBe(40);
  expect(groupProcesses(after, 10).postgres.ticks).toBe(45);
});
