import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Paces what waited for a destination that answers again: slowly at first, twice as fast every few seconds. Sent at
 * once, a backlog would fall upon a receiver that has just come back, and upon everybody else's events.
 */
export type SlowStart = {
  /** The destination answers again. */
  begin(destinationId: string): void;
  /** Waits until some may be sent, and returns how many: all of `most` where nothing has to be slow. */
  take(destinationId: string, most: number): Promise<number>;
};

type Pace = { beganAtMs: number; nextAtMs: number };

const FIRST_PER_SECOND = 150;
const DOUBLED_EVERY_MS = 5_000;
const OVER_AFTER_MS = 60_000;
const STEP_MS = 100;

/** How many events a millisecond a backlog may have, so long after it began to move. */
export function slowStartPerMs(sinceMs: number): number {
  return (FIRST_PER_SECOND / 1_000) * 2 ** (sinceMs / DOUBLED_EVERY_MS);
}

export function createSlowStart({
  now = Date.now,
  wait = sleep,
}: { now?: () => number; wait?: (ms: number) => Promise<unknown> } = {}): SlowStart {
  const paces = new Map<string, Pace>();
  return {
    begin(destinationId) {
      paces.set(destinationId, { beganAtMs: now(), nextAtMs: now() });
    },
    async take(destinationId, most) {
      const pace = paces.get(destinationId);
      if (!pace) return most;
      const sinceMs = now() - pace.beganAtMs;
      if (sinceMs >= OVER_AFTER_MS) {
        paces.delete(destinationId);
        return most;
      }
      const perMs = slowStartPerMs(sinceMs);
      const count = Math.min(most, Math.max(1, Math.floor(perMs * STEP_MS)));
      const atMs = Math.max(now(), pace.nextAtMs);
      pace.nextAtMs = atMs + count / perMs;
      if (atMs > now()) await wait(atMs - now());
      return count;
    },
  };
}
