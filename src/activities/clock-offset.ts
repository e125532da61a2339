/** Translates another clock's times into ours, from pairs of readings. */
export type ClockOffset = {
  /** What the other clock showed, in an answer that we read at `ourMs`. */
  sample(theirMs: number, ourMs: number): void;
  toOurs(theirMs: number): number;
};

const SPAN_MS = 30_000;

/**
 * An answer is read some time after it was given, and much later when this process was busy: of what was lately seen,
 * the smallest difference is nearest to the truth.
 */
export function createClockOffset(): ClockOffset {
  let recent = Infinity;
  let before = Infinity;
  let sinceMs = -Infinity;
  return {
    sample(theirMs, ourMs) {
      if (ourMs - sinceMs > SPAN_MS) {
        before = ourMs - sinceMs > 2 * SPAN_MS ? Infinity : recent;
        recent = Infinity;
        sinceMs = ourMs;
      }
      recent = Math.min(recent, ourMs - theirMs);
    },
    toOurs: (theirMs) => theirMs + Math.min(recent, before),
  };
}
