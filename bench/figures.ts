import { completeness, latencies, type Completeness } from './deliveries.ts';
import type { Lane } from './lane.ts';
import { GROUPS, type Group } from './processes/groups.ts';
import { perGroup, sum, type Usage } from './processes/meter.ts';
import { inMs, summarize, type Summary } from './quantiles.ts';
import type { Run } from './run.ts';
import { show, type Table } from './table.ts';

/** The figures of one steady stream. */
export type Figures = Completeness & {
  rate: number;
  seconds: number;
  offeredPerSecond: number;
  ackedPerSecond: number;
  deliveredPerSecond: number;
  acked: number;
  errors: number;
  errorsBy: Record<string, number>;
  ackMs: Summary;
  endToEndMs: Summary;
  drainMs: number;
  drained: boolean;
  /** How late the generator itself was: large values mean that the machine could not even offer the load. */
  generatorLateMs: Summary;
  cpuMsPerEvent: (Record<Group, number> & { all: number }) | null;
  memoryMb: Memory | null;
};

type Memory = {
  rss: Record<Group, number>;
  pss: Record<Group, number>;
  allRss: number;
  allPss: number;
};

/** Works out the figures of a run's stream at `index`, which went into `lane`. */
export function figuresOf(
  result: Run,
  { lane, index = 0, rate, seconds }: { lane: Lane; index?: number; rate: number; seconds: number },
): Figures {
  const load = result.loads[index]!;
  const destinations = lane.targets.map((target) => target.receiverId);
  const counts = completeness(result.arrivals, { destinations, acked: load.ackedSeq });
  const sendingS = Math.max(seconds, (result.sentUs - result.startUs) / 1e6);
  const arrivingS = Math.max(seconds, (result.lastArrivalUs - result.startUs) / 1e6);
  return {
    rate,
    seconds,
    offeredPerSecond: round(load.sent / sendingS, 1),
    ackedPerSecond: round(load.ackedSeq.length / sendingS, 1),
    deliveredPerSecond: round(counts.unique / arrivingS, 1),
    acked: load.ackedSeq.length,
    errors: load.sent - load.ackedSeq.length,
    errorsBy: load.errors,
    ...counts,
    ackMs: inMs(summarize(load.ackUs)),
    endToEndMs: inMs(summarize(latencies(result.arrivals, { destinations }))),
    drainMs: Math.max(0, Math.round((result.lastArrivalUs - result.sentUs) / 1e3)),
    drained: result.drained,
    generatorLateMs: inMs(summarize(load.lateUs)),
    ...costs(result.usage, counts.delivered),
  };
}

function costs(usage: Usage | null, events: number): Pick<Figures, 'cpuMsPerEvent' | 'memoryMb'> {
  if (!usage) return { cpuMsPerEvent: null, memoryMb: null };
  const perEvent = perGroup((group) => (usage.cpuSeconds[group] / events) * 1_000);
  const rounded = perGroup((group) => round(perEvent[group], 3));
  const { rssMb: rss, pssMb: pss, totalRssMb: allRss, totalPssMb: allPss } = usage;
  return {
    cpuMsPerEvent: { ...rounded, all: round(sum(perEvent), 3) },
    memoryMb: { rss, pss, allRss, allPss },
  };
}

/** The figures as tables for people. */
export function figureTables(figures: Figures, title: string): Table[] {
  const { ackMs, endToEndMs, generatorLateMs } = figures;
  const times = (name: string, s: Summary) => [
    name,
    ...[s.p50, s.p99, s.p999, s.max].map((v) => show(v)),
  ];
  const counts: Table = {
    title,
    rows: [
      ['offered', show(figures.offeredPerSecond, '/s')],
      ['acknowledged', `${show(figures.acked)} (${show(figures.ackedPerSecond, '/s')})`],
      ['errors', show(figures.errors) + errorKinds(figures.errorsBy)],
      ['delivered', `${show(figures.delivered)} (${show(figures.deliveredPerSecond, '/s')})`],
      ['unique', show(figures.unique)],
      ['duplicates', show(figures.duplicates)],
      ['lost', show(figures.lost)],
      ['drain', figures.drained ? show(figures.drainMs, 'ms') : 'not within the time'],
    ],
  };
  const latency: Table = {
    title: 'Latency, ms',
    header: ['', 'p50', 'p99', 'p99.9', 'max'],
    rows: [
      times('acknowledgement', ackMs),
      times('end to end', endToEndMs),
      times('generator late', generatorLateMs),
    ],
  };
  return [counts, latency, ...costTable(figures)];
}

function errorKinds(errorsBy: Record<string, number>): string {
  const kinds = Object.entries(errorsBy).map(([kind, count]) => `${kind}: ${count}`);
  return kinds.length === 0 ? '' : ` (${kinds.join(', ')})`;
}

function costTable({ cpuMsPerEvent: cpu, memoryMb: memory }: Figures): Table[] {
  if (!cpu || !memory) return [];
  const rows = GROUPS.map((group) => [
    group,
    show(cpu[group]),
    show(memory.rss[group]),
    show(memory.pss[group]),
  ]);
  const all = ['all', show(cpu.all), show(memory.allRss), show(memory.allPss)];
  return [
    {
      title: 'Cost (CPU seconds per 1,000 events = ms per event; peak memory, MB)',
      header: ['', 'CPU', 'RSS', 'PSS'],
      rows: [...rows, all],
    },
  ];
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
