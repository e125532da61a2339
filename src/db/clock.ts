import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

/**
 * The gateway's time is PostgreSQL's. Processes on several machines decide together what is due, what has expired and
 * what is old; each by its own clock, one that is wrong would be early, late, or put what arrives into another day.
 */

type Reading = { readAtMs: number; tookMs: number; theirsMs: number };

const SPAN_MS = 30_000;
// An answer that cannot be explained by its way: one of the clocks was set.
const SET_MS = 500;
const WATCH_EVERY_MS = 5_000;
const FIRST_READINGS = 5;

/** Follows another clock by readings of it; the one whose answer came soonest is nearest to the truth. */
export function createFollower(): {
  read(reading: Reading): void;
  /** What to add to `performance.now()`; null before the first reading. */
  differenceMs(): number | null;
} {
  let recent: Reading | null = null;
  let before: Reading | null = null;
  let sinceMs = -Infinity;
  const best = () =>
    before !== null && recent !== null && before.tookMs < recent.tookMs ? before : recent;
  const differenceOf = ({ readAtMs, tookMs, theirsMs }: Reading) =>
    theirsMs - (readAtMs - tookMs / 2);
  return {
    read(reading) {
      const known = best();
      const isSet =
        known !== null &&
        Math.abs(differenceOf(reading) - differenceOf(known)) > reading.tookMs + SET_MS;
      if (isSet) before = recent = null;
      if (isSet || reading.readAtMs - sinceMs > SPAN_MS) {
        before = recent;
        recent = null;
        sinceMs = reading.readAtMs;
      }
      if (recent === null || reading.tookMs <= recent.tookMs) recent = reading;
    },
    differenceMs() {
      const known = best();
      return known === null ? null : differenceOf(known);
    },
  };
}

// One for the process, as its clock is.
const follower = createFollower();

/** The time in ms since 1970 by PostgreSQL's clock; by this machine's until that one has been read. */
export function gatewayNow(): number {
  const differenceMs = follower.differenceMs();
  return differenceMs === null ? Date.now() : Math.round(performance.now() + differenceMs);
}

/** How far this machine's clock is ahead of PostgreSQL's (ms); negative where it is behind. */
export function clockAheadMs(): number {
  return Date.now() - gatewayNow();
}

/** The database's time. */
export async function readClock(db: Db): Promise<number> {
  const { rows } = await db.query<{ now: number }>({
    name: 'clock',
    text: 'select extract(epoch from clock_timestamp())::double precision * 1000 as now',
  });
  return rows[0]!.now;
}

/** Reads PostgreSQL's clock, so that `gatewayNow` shows it. */
export async function followClock(db: Db, readings = FIRST_READINGS): Promise<void> {
  for (let n = 0; n < readings; n++) {
    const askedAtMs = performance.now();
    const theirsMs = await readClock(db);
    const readAtMs = performance.now();
    follower.read({ readAtMs, tookMs: readAtMs - askedAtMs, theirsMs });
  }
}

/** Reads it now and then, for as long as the process runs; `onRead` hears after each reading. */
export function keepFollowing(db: Db, onRead: () => void): () => void {
  let reading = false;
  const timer = setInterval(() => {
    if (reading) return;
    reading = true;
    followClock(db, 1)
      // A database that is away is told of by others; until it is back its clock is known well enough.
      .then(onRead, () => {})
      .finally(() => (reading = false));
  }, WATCH_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** A process whose clock differs by much. */
export type ClockDifference = { process: string; aheadMs: number };

/** Shows to all processes how far a clock is off, or (null) that it is right again. */
export async function noteClock(
  db: Db,
  { process, aheadMs }: { process: string; aheadMs: number | null },
): Promise<void> {
  if (aheadMs === null) {
    await db.query(
      sql`delete from clock_differences where process = ${process} or seen_at < now() - interval '1 hour'`,
    );
    return;
  }
  await db.query(sql`
    insert into clock_differences (process, ahead_ms, seen_at) values (${process}, ${aheadMs}, now())
    on conflict (process) do update set ahead_ms = excluded.ahead_ms, seen_at = excluded.seen_at`);
}

/** The clocks that were off within the last minutes. */
export async function listClockDifferences(db: Db): Promise<ClockDifference[]> {
  const { rows } = await db.query<{ process: string; ahead_ms: number }>(sql`
    select process, ahead_ms from clock_differences where seen_at > now() - interval '2 minutes' order by process`);
  return rows.map((row) => ({ process: row.process, aheadMs: row.ahead_ms }));
}
