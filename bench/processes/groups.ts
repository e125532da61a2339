import type { ProcStat } from './proc-stat.ts';

/** The parts a gateway consists of, as its bill is split. */
export const GROUPS = ['gateway', 'temporal', 'postgres', 'sandbox'] as const;
export type Group = (typeof GROUPS)[number];

/** Processes of a gateway by group, with the CPU ticks each group has used so far. */
export type Grouped = Record<Group, { pids: number[]; ticks: number }>;

/**
 * Sorts a gateway and all that descends from it. Ticks never fall: when a process ends, its parent's `childTicks` take
 * them on, and those of the gateway and of its parts are what their sandbox children left.
 */
export function groupProcesses(stats: ProcStat[], gatewayPid: number): Grouped {
  const groups: Grouped = {
    gateway: { pids: [], ticks: 0 },
    temporal: { pids: [], ticks: 0 },
    postgres: { pids: [], ticks: 0 },
    sandbox: { pids: [], ticks: 0 },
  };
  const childrenOf = Map.groupBy(stats, (stat) => stat.parent);
  const root = stats.find((stat) => stat.pid === gatewayPid);
  if (!root) return groups;
  groups.gateway = { pids: [root.pid], ticks: root.ownTicks };
  groups.sandbox.ticks = root.childTicks;
  const open = [...(childrenOf.get(gatewayPid) ?? [])];
  for (let stat = open.pop(); stat !== undefined; stat = open.pop()) {
    const name = groupOf(stat.command);
    const group = groups[name];
    group.pids.push(stat.pid);
    group.ticks += stat.ownTicks;
    (name === 'gateway' ? groups.sandbox : group).ticks += stat.childTicks;
    open.push(...(childrenOf.get(stat.pid) ?? []));
  }
  return groups;
}

function groupOf(command: string): Group {
  if (command.startsWith('postgres')) return 'postgres';
  if (command.startsWith('sluice-')) return 'gateway';
  return command.startsWith('temporal') ? 'temporal' : 'sandbox';
}
