import { latencies } from './deliveries.ts';
import { round } from './figures.ts';
import { inMs, summarize, type Summary } from './quantiles.ts';
import type { Arrivals } from './receiver/recorder.ts';

/** End-to-end times of what was sent in one phase of a run, ms. */
export type PhaseTimes = Summary & {
  /** The median over blocks of each one's p99: a disk that stands still for a moment is one block's. */
  blockP99: number | null;
};

const BLOCK_US = 5_000_000;

export function phaseTimes(
  arrivals: Arrivals,
  { destinations, fromUs, toUs }: { destinations: number[]; fromUs: number; toUs: number },
): PhaseTimes {
  const blocks: number[][] = [];
  for (let from = fromUs; from < toUs; from += BLOCK_US) {
    const to = Math.min(from + BLOCK_US, toUs);
    blocks.push(latencies(arrivals, { destinations, fromUs: from, toUs: to }));
  }
  return timesOf(blocks);
}

/** Times of a phase that is given as blocks of latencies, microseconds. */
export function timesOf(blocks: number[][]): PhaseTimes {
  const p99s = blocks.flatMap((block) => inMs(summarize(block)).p99 ?? []);
  return { ...inMs(summarize(blocks.flat())), blockP99: summarize(p99s).p50 };
}

/** How a phase compares with another. */
export type Ratio = { p99: number; blockP99: number };

export function ratioOf(phase: PhaseTimes, to: PhaseTimes): Ratio {
  const share = (a: number | null, b: number | null) => round((a ?? NaN) / (b ?? NaN), 2);
  return { p99: share(phase.p99, to.p99), blockP99: share(phase.blockP99, to.blockP99) };
}
