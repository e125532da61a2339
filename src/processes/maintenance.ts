import { purgeClaims } from '../db/claims.ts';
import { clockAheadMs, followClock } from '../db/clock.ts';
import { divideStrays, dropDay, ensurePartitions } from '../db/partitions.ts';
import { trimRejected } from '../db/rejected.ts';
import { closeDays, expiredDays, isDone, readClosedDay, settleDay } from '../db/retention.ts';
import { forgetUnrouted } from '../db/suspects.ts';
import { isWrong } from './clock.ts';
import type { Foundation } from './foundation.ts';

const EVERY_MS = 3_600_000;
const TRIM_EVERY_MS = 60_000;
const MB = 1_024 * 1_024;

type Dependencies = Pick<Foundation, 'db' | 'log' | 'config' | 'workflows' | 'projectId'>;

/**
 * Makes the coming days' partitions, ends and removes what is beyond retention, forgets expired claims: now and every
 * hour. PostgreSQL's clock decides; a process whose own clock contradicts it removes nothing.
 */
export function startMaintenance(deps: Dependencies): () => void {
  const { log } = deps;
  let stopped = false;
  const run = () =>
    maintain(deps).catch((error: unknown) => {
      if (!stopped) log.error({ error }, 'Maintenance failed. It runs again in an hour');
    });
  void run();
  const timer = setInterval(() => void run(), EVERY_MS);
  const trimmer = setInterval(() => {
    trim(deps).catch((error: unknown) => {
      if (!stopped) log.warn({ error }, 'Could not remove the oldest rejected requests');
    });
  }, TRIM_EVERY_MS);
  return () => {
    stopped = true;
    clearInterval(timer);
    clearInterval(trimmer);
  };
}

async function maintain(deps: Dependencies): Promise<void> {
  const { db, log } = deps;
  await ensurePartitions(db);
  const strays = await divideStrays(db);
  if (strays.length > 0)
    log.warn({ days: strays.length }, 'Moved rows of days without a partition');
  await followClock(db);
  const aheadMs = clockAheadMs();
  if (isWrong(aheadMs)) {
    log.error(
      { aheadMs: Math.round(aheadMs) },
      "Nothing is removed: this machine's clock and PostgreSQL's contradict each other",
    );
    return;
  }
  await retain(deps);
  await purgeClaims(db);
  await forgetUnrouted(db);
}

/** Keeps what anybody can send from filling the disk. */
async function trim({ db, log, config, projectId }: Dependencies): Promise<void> {
  const removed = await trimRejected(db, { projectId, maxBytes: config.rejectedMaxMb * MB });
  if (removed > 0) log.warn({ requests: removed }, 'Removed the oldest rejected requests');
}

/** Ends what still waits of days that are beyond retention, and drops those of which nothing waits. */
async function retain({ db, log, config, workflows }: Dependencies): Promise<void> {
  const { retentionDays } = config;
  // What was closed an hour ago: since then nothing of it has been taken up again, and what was due has gone.
  const closedDay = await readClosedDay(db);
  const { daysBehind } = await closeDays(db, { retentionDays });
  if (daysBehind > 1) {
    log.warn(
      { days: daysBehind },
      'More days than usual are beyond retention: they are removed one an hour',
    );
  }
  const days = closedDay === null ? [] : await expiredDays(db, { closedDay, retentionDays });
  const dropped: string[] = [];
  for (const day of days) {
    const { events, requests, laneConnectionIds } = await settleDay(db, day);
    if (events + requests > 0) {
      log.warn(
        { day: dateOf(day), events, requests },
        'Ended events that were still waiting after their retention',
      );
    }
    await Promise.all(laneConnectionIds.map((id) => workflows.startLane(id)));
    if (await isDone(db, day)) dropped.push(...(await dropDay(db, day)));
  }
  if (dropped.length > 0)
    log.info({ partitions: dropped }, 'Removed data older than the retention');
}

function dateOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}
