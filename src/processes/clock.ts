import { hostname } from 'node:os';
import { clockAheadMs, followClock, keepFollowing, noteClock } from '../db/clock.ts';
import type { Database } from '../db/pool.ts';
import type { Log } from '../log.ts';

// Any server keeps its clock within seconds of the others by itself: more is a fault that somebody has to mend.
const WRONG_MS = 60_000;
const TELL_EVERY_MS = 3_600_000;
const NOTE_EVERY_MS = 30_000;

/** Whether a clock that is so far ahead (behind, where negative) is to be called wrong. */
export function isWrong(aheadMs: number): boolean {
  return Math.abs(aheadMs) >= WRONG_MS;
}

/**
 * Takes the time from PostgreSQL from now on, and says where this machine's clock contradicts it: in the log, and in
 * the database for the checks and metrics of every process.
 */
export async function startClock(db: Database, log: Log): Promise<() => Promise<void>> {
  const process_ = `${hostname()}:${process.pid}`;
  let toldAtMs = -Infinity;
  let notedAtMs = -Infinity;
  let wrong = false;
  const note = (aheadMs: number | null) =>
    noteClock(db, { process: process_, aheadMs }).catch((error: unknown) =>
      log.warn({ error }, 'A clock that is wrong could not be noted'),
    );
  function look(): void {
    const aheadMs = Math.round(clockAheadMs());
    const nowMs = performance.now();
    const wasWrong = wrong;
    wrong = isWrong(aheadMs);
    if (wrong && nowMs - toldAtMs > TELL_EVERY_MS) {
      toldAtMs = nowMs;
      log.error(
        { aheadMs },
        "This machine's clock is wrong, or PostgreSQL's is: PostgreSQL's is used, and nothing is removed. Set it right",
      );
    }
    if (wrong && nowMs - notedAtMs > NOTE_EVERY_MS) {
      notedAtMs = nowMs;
      void note(aheadMs);
    }
    if (wrong || !wasWrong) return;
    toldAtMs = notedAtMs = -Infinity;
    log.info({ aheadMs }, "This machine's clock agrees with PostgreSQL's again");
    void note(null);
  }
  await followClock(db);
  look();
  const stop = keepFollowing(db, look);
  return async () => {
    stop();
    if (wrong) await note(null);
  };
}
