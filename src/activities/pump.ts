import { setTimeout as sleep } from 'node:timers/promises';
import { ParkReason } from '../domain/control.ts';
import { countWoken, dropParked, requeueHeld, takeParked, type Parked } from '../db/parked.ts';
import type { Database } from '../db/pool.ts';

/** Tells a delivery to look at these events; false when it has ended. */
export type WakeDelivery = (workflowId: string, eventIds: string[]) => Promise<boolean>;

type Dependencies = { db: Database; wakeDelivery: WakeDelivery };
type PumpDependencies = Dependencies & {
  /** How many more deliveries may work on a destination now: others would only have to wait for their turn. */
  room: (gateId: string) => number;
};

// Workflows that were woken and have not begun: their number is the budget, so a slow server is asked for less.
const OUTSTANDING = 10;
const LOST_AFTER_MS = 30_000;
const LOOK_AGAIN_MS = 100;

/** Wakes what waits at a gate, in order, a few at a time, until nothing does or the gate is shut. */
export async function pump(
  deps: PumpDependencies,
  { gateId, reason, beat }: { gateId: string; reason: ParkReason; beat: () => void },
): Promise<number> {
  let woken = 0;
  for (;;) {
    beat();
    const outstanding = await countWoken(deps.db, { gateId, reason, withinMs: LOST_AFTER_MS });
    const limit = Math.min(OUTSTANDING, deps.room(gateId)) - outstanding;
    if (limit <= 0) {
      await sleep(LOOK_AGAIN_MS);
      continue;
    }
    const taken = await wakeFirst(deps, { gateId, reason, limit });
    if (taken === 0) return woken;
    woken += taken;
  }
}

/** Wakes the first few that wait at a gate; returns how many. */
export async function wakeFirst(
  deps: Dependencies,
  { gateId, reason, limit }: { gateId: string; reason: ParkReason; limit: number },
): Promise<number> {
  const parked = await takeParked(deps.db, { gateId, reason, limit });
  if (reason === ParkReason.Paused && parked.length > 0) {
    await requeueHeld(
      deps.db,
      parked.flatMap((one) => one.eventIds),
    );
  }
  await Promise.all(parked.map((one) => wakeOne(deps, one)));
  return parked.length;
}

/** Wakes one delivery; what says that it waits goes with it where it has ended. */
export async function wakeOne(
  { db, wakeDelivery }: Dependencies,
  { workflowId, eventIds }: Parked,
): Promise<void> {
  const alive = await wakeDelivery(workflowId, eventIds);
  if (!alive) await dropParked(db, workflowId);
}
