// Remembers which transformation versions have shown to be quick. All others together may never
// hold every child, so that a quick one always finds a child that only quick ones use; and quick
// ones are routed together, where one that is slow would hold up the rest.

const MAX_REMEMBERED = 10_000;

export type PaceRecord = {
  readonly isQuick: (key: string) => boolean;
  readonly record: (key: string, tookMs: number) => void;
};

/**
 * An empty record. A version is quick when its first run took less than `slowAfterMs`; one that was slow once, when
 * the last `provingRuns` did.
 */
export function createPaceRecord({
  slowAfterMs,
  provingRuns,
}: {
  slowAfterMs: number;
  provingRuns: number;
}): PaceRecord {
  const leftToProve = new Map<string, number>();
  return {
    isQuick: (key) => leftToProve.get(key) === 0,
    record(key, tookMs) {
      const left = leftToProve.get(key) ?? 0;
      leftToProve.delete(key);
      leftToProve.set(key, tookMs >= slowAfterMs ? provingRuns : Math.max(0, left - 1));
      const [oldest] = leftToProve.keys();
      if (leftToProve.size > MAX_REMEMBERED && oldest !== undefined) leftToProve.delete(oldest);
    },
  };
}
