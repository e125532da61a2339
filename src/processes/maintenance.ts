import { purgeClaims } from '../db/claims.ts';
import { dropPartitions, ensurePartitions } from '../db/partitions.ts';
import type { Foundation } from './foundation.ts';

const EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Makes the coming days' partitions, drops those beyond retention, forgets expired claims: now and every hour. */
export function startMaintenance({
  db,
  log,
  config,
}: Pick<Foundation, 'db' | 'log' | 'config'>): () => void {
  let stopped = false;
  const run = async () => {
    try {
      await ensurePartitions(db, { nowMs: Date.now() });
      const dropped = await dropPartitions(db, {
        beforeMs: Date.now() - config.retentionDays * DAY_MS,
      });
      if (dropped.length > 0) log.info({ partitions: dropped }, 'Removed what is beyond retention');
      await purgeClaims(db);
    } catch (error) {
      if (!stopped) log.error({ error }, 'Maintenance failed; it is tried again in an hour');
    }
  };
  void run();
  const timer = setInterval(() => void run(), EVERY_MS);
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}
