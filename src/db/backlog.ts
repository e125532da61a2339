import sql from 'sql-template-tag';
import { gatewayNow, listClockDifferences, type ClockDifference } from './clock.ts';
import { timeOfId } from './ids.ts';
import type { Db } from './pool.ts';

/** What waits, everywhere: counts, and the age of the oldest request that waits to be routed (s). */
export type Backlog = {
  outboxWaiting: number;
  outboxOldestSeconds: number;
  parkedDeliveries: number;
  awaitingKeys: number;
  /** Requests that could not be routed, and have not been retried. */
  unroutedRequests: number;
  openCircuits: string[];
  clocks: ClockDifference[];
};

/** Counts what waits. The outbox is counted up to 100,000: more is simply too much. */
export async function readBacklog(db: Db): Promise<Backlog> {
  const { rows } = await db.query<{
    waiting: number;
    first: string | null;
    parked: number;
    apart: number;
    unrouted: number;
  }>(sql`
    select (select count(*)::integer from (select 1 from outbox limit 100000) as first_ones) as waiting,
      (select min(request_id) from outbox) as first,
      (select count(*)::integer from parked) as parked,
      (select count(*)::integer from (select 1 from outbox where starts_with(dispatch_id, 'verdict/') limit 100000) as apart) as apart,
      (select count(*)::integer from unrouted) as unrouted`);
  const { rows: circuits } = await db.query<{ destination_id: string }>(
    sql`select distinct destination_id from circuits`,
  );
  const { waiting, first, parked, apart, unrouted } = rows[0]!;
  return {
    outboxWaiting: waiting,
    outboxOldestSeconds: first === null ? 0 : Math.max(0, (gatewayNow() - timeOfId(first)) / 1000),
    parkedDeliveries: parked,
    awaitingKeys: apart,
    unroutedRequests: unrouted,
    openCircuits: circuits.map((row) => row.destination_id),
    clocks: await listClockDifferences(db),
  };
}
