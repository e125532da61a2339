import { nowUs } from '../clock.ts';
import { Fault } from '../fault.ts';
import { GROUPS, groupProcesses, type Group } from './groups.ts';
import { proportionalBytes, readProcesses, residentBytes, TICKS_PER_SECOND } from './proc.ts';

type PerGroup = Record<Group, number>;

/** What a gateway used between start and stop: CPU seconds, and the most memory seen at once (MB). */
export type Usage = {
  seconds: number;
  cpuSeconds: PerGroup;
  rssMb: PerGroup;
  pssMb: PerGroup;
  /** Peaks of the sums, which are lower than the sums of the peaks. */
  totalRssMb: number;
  totalPssMb: number;
};

const RSS_EVERY_MS = 1_000;
// Reading it walks the page tables of the process that is being measured, which stands still meanwhile: often, and it
// would be the tail of every latency.
const PSS_EVERY = 30;
const MB = 1_000_000;

/**
 * Begins to measure the gateway with this pid and everything below it; `stop` tells what it used.
 * Throws where the gateway does not run: figures of half a run would look like good ones.
 */
export function startMeter(gatewayPid: number): { stop(): Usage } {
  const startUs = nowUs();
  const before = ticksOf(gatewayPid);
  const rss = createPeak();
  const pss = createPeak();
  let rounds = 0;
  const look = () => {
    rss.add(memoryOf(gatewayPid, residentBytes));
    if (rounds++ % PSS_EVERY === 0) pss.add(memoryOf(gatewayPid, proportionalBytes));
  };
  look();
  const timer = setInterval(look, RSS_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      const after = ticksOf(gatewayPid);
      rounds = 0;
      look();
      return {
        seconds: (nowUs() - startUs) / 1_000_000,
        cpuSeconds: perGroup((group) => (after[group] - before[group]) / TICKS_PER_SECOND),
        rssMb: rss.groups(),
        pssMb: pss.groups(),
        totalRssMb: rss.total(),
        totalPssMb: pss.total(),
      };
    },
  };
}

function ticksOf(gatewayPid: number): PerGroup {
  const groups = groupProcesses(readProcesses(), gatewayPid);
  if (groups.gateway.pids.length === 0) throw new Fault('The gateway has ended.');
  return perGroup((group) => groups[group].ticks);
}

function memoryOf(gatewayPid: number, bytesOf: (pid: number) => number): PerGroup {
  const groups = groupProcesses(readProcesses(), gatewayPid);
  return perGroup((group) => groups[group].pids.reduce((sum, pid) => sum + bytesOf(pid), 0) / MB);
}

function createPeak() {
  let most = perGroup(() => 0);
  let mostInAll = 0;
  return {
    add(now: PerGroup): void {
      const before = most;
      most = perGroup((group) => Math.max(before[group], now[group]));
      mostInAll = Math.max(mostInAll, sum(now));
    },
    groups: () => perGroup((group) => Math.round(most[group])),
    total: () => Math.round(mostInAll),
  };
}

export function sum(values: PerGroup): number {
  return GROUPS.reduce((total, group) => total + values[group], 0);
}

export function perGroup(valueOf: (group: Group) => number): PerGroup {
  return {
    gateway: valueOf('gateway'),
    temporal: valueOf('temporal'),
    postgres: valueOf('postgres'),
    sandbox: valueOf('sandbox'),
  };
}
