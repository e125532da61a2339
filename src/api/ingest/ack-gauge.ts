/** Watches how long acknowledgements take, and says when that is too long. */
export type AckGauge = {
  /** A request was acknowledged so long after it was there in whole. */
  acknowledged(ms: number): void;
};

const LOOK_EVERY_MS = 100;
// On average; the slowest of a hundred takes four times as long.
const SLOW_MS = 50;
// A disk that stands still for once is no pressure.
const SLOW_LOOKS = 2;

/**
 * `onSlow` is told ten times a second as long as acknowledgements are slow. What waits unread in a socket is seen by
 * how late this process comes to look. While nothing comes in, it looks at nothing.
 */
export function createAckGauge({
  onSlow,
  now = () => performance.now(),
  later = (look, ms) => void setTimeout(look, ms).unref(),
}: {
  onSlow: () => void;
  now?: () => number;
  /** Calls `look` in so many ms. */
  later?: (look: () => void, ms: number) => void;
}): AckGauge {
  let count = 0;
  let sumMs = 0;
  let slowLooks = 0;
  let dueAtMs = 0;
  let isArmed = false;

  function arm(): void {
    dueAtMs = now() + LOOK_EVERY_MS;
    isArmed = true;
    later(look, LOOK_EVERY_MS);
  }
  function look(): void {
    const meanMs = (count === 0 ? 0 : sumMs / count) + (now() - dueAtMs);
    slowLooks = meanMs > SLOW_MS ? slowLooks + 1 : 0;
    if (slowLooks >= SLOW_LOOKS) onSlow();
    const isQuiet = count === 0 && slowLooks === 0;
    [count, sumMs, isArmed] = [0, 0, false];
    if (!isQuiet) arm();
  }
  return {
    acknowledged(ms) {
      count++;
      sumMs += ms;
      if (!isArmed) arm();
    },
  };
}
