/** What this process has lately seen of a destination: whether its first attempts may run inside the parent workflow. */
export type DestinationPace = {
  record(destinationId: string, seen: { delivered: boolean; latencyMs: number }): void;
  isFast(destinationId: string): boolean;
};

type Seen = { latencyMs: number; failures: number; atMs: number };

const FAST_MS = 500;
const FORGET_AFTER_MS = 60_000;
// A moving average: the newest attempt counts a fifth.
const WEIGHT = 0.2;

export function createDestinationPace(now: () => number = Date.now): DestinationPace {
  const seenOf = new Map<string, Seen>();
  return {
    record(destinationId, { delivered, latencyMs }) {
      const before = seenOf.get(destinationId);
      const average = before ? before.latencyMs * (1 - WEIGHT) + latencyMs * WEIGHT : latencyMs;
      const failures = delivered ? 0 : (before?.failures ?? 0) + 1;
      seenOf.set(destinationId, { latencyMs: average, failures, atMs: now() });
    },
    isFast(destinationId) {
      const seen = seenOf.get(destinationId);
      if (!seen || now() - seen.atMs > FORGET_AFTER_MS) return false;
      return seen.failures === 0 && seen.latencyMs < FAST_MS;
    },
  };
}
