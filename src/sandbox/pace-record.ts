// Remembers which transformation versions have shown to be quick. All others together may never
// hold every child, so that a quick one always finds a child that only quick ones use.

const MAX_REMEMBERED = 10_000;

export type PaceRecord = {
  readonly isQuick: (key: string) => boolean;
  readonly record: (key: string, tookMs: number) => void;
};

/** An empty record; a version is quick while its last run took less than `slowAfterMs`. */
export function createPaceRecord({ slowAfterMs }: { slowAfterMs: number }): PaceRecord {
  const quick = new Set<string>();
  return {
    isQuick: (key) => quick.has(key),
    record(key, tookMs) {
      quick.delete(key);
      if (tookMs >= slowAfterMs) return;
      quick.add(key);
      const [oldest] = quick;
      if (quick.size > MAX_REMEMBERED && oldest !== undefined) quick.delete(oldest);
    },
  };
}
