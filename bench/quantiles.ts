/** Exact quantiles of a set of samples, in the samples' unit. */
export type Summary = {
  count: number;
  p50: number | null;
  p99: number | null;
  p999: number | null;
  max: number | null;
};

/** The smallest sample that at least the share `p` of all samples do not exceed; null where there is none. */
export function quantile(sorted: Float64Array, p: number): number | null {
  const rank = Math.max(1, Math.ceil(p * sorted.length));
  return sorted[rank - 1] ?? null;
}

export function summarize(samples: Iterable<number>): Summary {
  const sorted = Float64Array.from(samples).toSorted();
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
    max: quantile(sorted, 1),
  };
}

/** A summary of microseconds in milliseconds, to a hundredth. */
export function inMs(summary: Summary): Summary {
  const ms = (us: number | null) => (us === null ? null : Math.round(us / 10) / 100);
  const { count, p50, p99, p999, max } = summary;
  return { count, p50: ms(p50), p99: ms(p99), p999: ms(p999), max: ms(max) };
}
