// Versions whose last run had to be ended for its time. What never ends would otherwise take a core for
// itself: these run one at a time, behind everybody else, and rest between their runs. They are still
// run, for the next event may be an easier one; a run that ends in time clears them.

const MAX_REMEMBERED = 10_000;

export type Suspects = {
  readonly has: (key: string) => boolean;
  /** Whether one may start now. */
  readonly mayStart: (nowMs: number) => boolean;
  readonly started: () => void;
  /** One that ran as a suspect has ended; returns how long all of them rest. */
  readonly ended: (run: { nowMs: number; tookMs: number }) => number;
  readonly record: (key: string, ranOut: boolean) => void;
};

/** Nobody is one as yet; after a run of theirs suspects rest `rests` times as long as it took. */
export function createSuspects({ rests }: { rests: number }): Suspects {
  const keys = new Set<string>();
  let running = false;
  let restUntilMs = 0;
  return {
    has: (key) => keys.has(key),
    mayStart: (nowMs) => !running && nowMs >= restUntilMs,
    started() {
      running = true;
    },
    ended({ nowMs, tookMs }) {
      running = false;
      restUntilMs = nowMs + rests * tookMs;
      return rests * tookMs;
    },
    record(key, ranOut) {
      keys.delete(key);
      if (!ranOut) return;
      keys.add(key);
      const [oldest] = keys;
      if (keys.size > MAX_REMEMBERED && oldest !== undefined) keys.delete(oldest);
    },
  };
}
