import { heartbeat } from '@temporalio/activity';
import { laneWorkflowId } from '../domain/lane.ts';
import { gatewayNow } from '../db/clock.ts';
import type { Connection } from '../db/configuration.ts';
import { listHeads, listUnwatched, watchLanes, type Head } from '../db/lanes.ts';
import { dropParked } from '../db/parked.ts';
import { temporalAheadMs } from './beginning.ts';
import type { DeliveryDependencies } from './delivery.ts';
import { createLaneRunner, type LaneRunner } from './lane-runner.ts';

export type LaneActivities = {
  /** Delivers a connection's events, one at a time for each key, until nothing is due; returns when to look again. */
  drainLanes(order: { connectionId: string }): Promise<{ lookAtMs: number | null }>;
  /** Sees to it that somebody looks at these connections' lanes. */
  enterLanes(order: { connectionIds: string[] }): Promise<void>;
};

type Dependencies = Omit<DeliveryDependencies, 'enterLane'> & {
  /** Starts or wakes the workflow of a connection's lanes. */
  startLane: (connectionId: string) => Promise<void>;
  onError: (error: unknown) => void;
};

const HEADS = 200;
const AT_WORK_MS = 60_000;
// Somebody who stays for a moment need not be called again.
const IDLE_MS = 2_000;
const POLL_MS = 100;
const WATCH_MS = 10_000;
const BEAT_MS = 3_000;

export function createLaneActivities(deps: Dependencies): LaneActivities {
  const bells = new Map<string, () => void>();

  async function enterLanes(connectionIds: string[]): Promise<void> {
    const unwatched = await listUnwatched(deps.db, connectionIds);
    for (const id of connectionIds) bells.get(id)?.();
    await Promise.all(unwatched.map((id) => deps.startLane(id)));
  }

  return {
    enterLanes: ({ connectionIds }) => enterLanes(connectionIds),
    async drainLanes({ connectionId }) {
      const aheadMs = temporalAheadMs();
      const connection = deps.configuration.connection(connectionId);
      if (!connection) return { lookAtMs: null };
      const watch = () => watchLanes(deps.db, { connectionId, forMs: WATCH_MS });
      await Promise.all([watch(), dropParked(deps.db, laneWorkflowId(connectionId))]);
      const beating = setInterval(() => {
        heartbeat();
        watch().catch((error: unknown) => deps.onError(error));
      }, BEAT_MS);
      try {
        const { lookAtMs } = await drain(deps, { connection, bells });
        return { lookAtMs: lookAtMs === null ? null : lookAtMs + aheadMs };
      } finally {
        clearInterval(beating);
        bells.delete(connectionId);
      }
    },
  };
}

async function drain(
  deps: Dependencies,
  { connection, bells }: { connection: Connection; bells: Map<string, () => void> },
): Promise<{ lookAtMs: number | null }> {
  const { db } = deps;
  const { id: connectionId } = connection;
  let ring = () => {};
  bells.set(connectionId, () => ring());
  const runner = createLaneRunner(deps, { connection, onFree: () => ring() });
  const until = gatewayNow() + AT_WORK_MS;
  const isOver = () => gatewayNow() > until || deps.traffic.flights.isStopping();
  for (let idleSince = gatewayNow(); !isOver() && gatewayNow() - idleSince < IDLE_MS;) {
    const rung = new Promise<void>((resolve) => (ring = resolve));
    const heads = await look(deps, { connection, runner });
    if (heads.length > 0) await runner.start(heads);
    if (heads.length > 0 || runner.isBusy()) idleSince = gatewayNow();
    await Promise.race([rung, pause()]);
  }
  await runner.idle();
  // Whoever comes from now on calls; whoever came before is found by a last look.
  await watchLanes(db, { connectionId, forMs: 0 });
  const more = await look(deps, { connection, runner });
  return { lookAtMs: more.length > 0 ? gatewayNow() : runner.nextLookMs() };
}

function look(
  { db }: Dependencies,
  { connection, runner }: { connection: Connection; runner: LaneRunner },
): Promise<Head[]> {
  const { id: connectionId, sourceId } = connection;
  return listHeads(db, { connectionId, sourceId, without: runner.keysToLeave(), limit: HEADS });
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
