/** Translates another clock's times into ours, from pairs of readings. */
export type ClockOffset = {
  /** What the other clock showed, in an answer that we read at `ourMs`. */
  sample(theirMs: number, ourMs: number): void;
  /** Whether so little was seen lately that one answer which was read late would be taken for the truth. */
  isUncertain(ourMs: number): boolean;
  toOurs(theirMs: number): number;
};

const SPAN_MS = 30_000;
const ENOUGH = 5;

/**
 * An answer is read some time after it was given, and much later when this process was busy: of what was lately seen,
 * the smallest difference is nearest to the truth.
 */
export function createClockOffset(): ClockOffset {
  let recent = Infinity;
  let before = Infinity;
  let sinceMs = -Infinity;
  let seen = 0;
  return {
    sample(theirMs, ourMs) {
      if (ourMs - sinceMs > SPAN_MS) {
        const isLongAgo = ourMs - sinceMs > 2 * SPAN_MS;
        before = isLongAgo ? Infinity : recent;
        if (isLongAgo) seen = 0;
        recent = Infinity;
        sinceMs = ourMs;
      }
      recent = Math.min(recent, ourMs - theirMs);
      seen++;
    },
    isUncertain: (ourMs) => seen < ENOUGH || ourMs - sinceMs > 2 * SPAN_MS,
    toOurs: (theirMs) => theirMs + Math.min(recent, before),
  };
}
