/** What this process has lately seen of a destination: whether its first attempts may run inside the parent workflow. */
export type DestinationPace = {
  /** An attempt begins; call what is returned when it is over. */
  begin(destinationId: string): () => void;
  record(destinationId: string, seen: { delivered: boolean; latencyMs: number }): void;
  isFast(destinationId: string): boolean;
  /** Whether many attempts are under way and nothing has been heard of any for a while. */
  isSilent(destinationId: string): boolean;
};

type Seen = { latencyMs: number; failures: number; atMs: number };

const FAST_MS = 500;
const FORGET_AFTER_MS = 60_000;
const MANY = 16;
const SILENT_MS = 1_000;
// A moving average: the newest attempt counts a fifth.
const WEIGHT = 0.2;

export function createDestinationPace(now: () => number = Date.now): DestinationPace {
  const seenOf = new Map<string, Seen>();
  // When the attempts under way began, the oldest first.
  const underWay = new Map<string, Map<symbol, number>>();
  const oldestOf = (destinationId: string) => underWay.get(destinationId)?.values().next().value;
  return {
    begin(destinationId) {
      const attempts = underWay.get(destinationId) ?? new Map<symbol, number>();
      underWay.set(destinationId, attempts);
      const attempt = Symbol();
      attempts.set(attempt, now());
      return () => {
        attempts.delete(attempt);
        if (attempts.size === 0) underWay.delete(destinationId);
      };
    },
    record(destinationId, { delivered, latencyMs }) {
      const before = seenOf.get(destinationId);
      const average = before ? before.latencyMs * (1 - WEIGHT) + latencyMs * WEIGHT : latencyMs;
      const failures = delivered ? 0 : (before?.failures ?? 0) + 1;
      seenOf.set(destinationId, { latencyMs: average, failures, atMs: now() });
    },
    isFast(destinationId) {
      const seen = seenOf.get(destinationId);
      if (!seen || now() - seen.atMs > FORGET_AFTER_MS) return false;
      // One that does not answer has nothing to tell yet.
      if (now() - (oldestOf(destinationId) ?? now()) > FAST_MS) return false;
      return seen.failures === 0 && seen.latencyMs < FAST_MS;
    },
    isSilent(destinationId) {
      if ((underWay.get(destinationId)?.size ?? 0) < MANY) return false;
      const heardAtMs = seenOf.get(destinationId)?.atMs ?? -Infinity;
      return now() - Math.max(heardAtMs, oldestOf(destinationId) ?? now()) > SILENT_MS;
    },
  };
}
