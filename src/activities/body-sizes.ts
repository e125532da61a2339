/** How large the bodies of a destination's events have lately been: so many may be held in memory at once. */
export type BodySizes = {
  /** How many events may be begun at once. */
  most(destinationId: string): number;
  record(destinationId: string, bodies: readonly Buffer[]): void;
};

const BYTES = 16 * 1024 * 1024;
const WHERE_UNKNOWN = 25;
const MOST = 64;
// One that was large counts for less with every look that finds smaller ones.
const FADES = 0.9;
const KEPT = 10_000;

export function createBodySizes(): BodySizes {
  const largest = new Map<string, number>();
  return {
    most(destinationId) {
      const bytes = largest.get(destinationId);
      if (bytes === undefined) return WHERE_UNKNOWN;
      return Math.min(MOST, Math.max(1, Math.floor(BYTES / Math.max(1, bytes))));
    },
    record(destinationId, bodies) {
      if (bodies.length === 0) return;
      const before = (largest.get(destinationId) ?? 0) * FADES;
      largest.delete(destinationId);
      largest.set(destinationId, Math.max(before, ...bodies.map((body) => body.length)));
      const [oldest] = largest.keys();
      if (largest.size > KEPT && oldest !== undefined) largest.delete(oldest);
    },
  };
}
