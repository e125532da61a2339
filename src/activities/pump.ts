import { setTimeout as sleep } from 'node:timers/promises';
import { ParkReason } from '../domain/control.ts';
import { destinationOfDelivery } from '../domain/workflow-id.ts';
import { gatewayNow } from '../db/clock.ts';
import {
  countWoken,
  dropParked,
  joinParked,
  requeueHeld,
  returnParked,
  takeParked,
  type Parked,
} from '../db/parked.ts';
import type { Database } from '../db/pool.ts';
import { slowStartPerMs } from './slow-start.ts';

/** Tells a delivery to look at these events; false when it has ended. */
export type WakeDelivery = (workflowId: string, eventIds: string[]) => Promise<boolean>;

/** Starts a delivery of events that have waited for their turn without one. */
export type StartDelivery = (order: {
  workflowId: string;
  destinationId: string;
  eventIds: string[];
}) => Promise<void>;

export type WakeDependencies = {
  db: Database;
  /** The number under which others see that this process lives; null as long as there is none. */
  holder: () => number | null;
  wakeDelivery: WakeDelivery;
  startDelivery: StartDelivery;
};
type PumpDependencies = WakeDependencies & {
  /** How many more deliveries may work on a destination now: others would only have to wait for their turn. */
  room: (gateId: string) => number;
  /** How many events a millisecond may leave behind a gate; Infinity where no rate is set. */
  pace: (gateId: string) => number;
};

// Workflows that were woken and have not begun: their number is the budget, so a slow server is asked for less.
const OUTSTANDING = 10;
const LOST_AFTER_MS = 30_000;
const LOOK_AGAIN_MS = 100;
// What is woken sooner than it may leave only waits elsewhere, and is woken again; a little sooner, so that the line never stands.
const SOONER = 1.05;
const LONGEST_PAUSE_MS = 1_500;
// Events one delivery takes along when it is started late.
const TOGETHER = 250;

/** Wakes what waits at a gate, in order, slowly at first, until nothing does or the gate is shut. */
export async function pump(
  deps: PumpDependencies,
  { gateId, reason, beat }: { gateId: string; reason: ParkReason; beat: () => void },
): Promise<number> {
  const beganAtMs = gatewayNow();
  let nextAtMs = beganAtMs;
  let woken = 0;
  for (;;) {
    beat();
    const outstanding = await countWoken(deps.db, { gateId, reason, withinMs: LOST_AFTER_MS });
    if (outstanding >= Math.min(OUTSTANDING, deps.room(gateId))) {
      await sleep(LOOK_AGAIN_MS);
      continue;
    }
    const { workflows, events } = await wakeFirst(deps, { gateId, reason, limit: 1 });
    if (workflows === 0) return woken;
    woken += workflows;
    const perMs = Math.min(slowStartPerMs(gatewayNow() - beganAtMs), SOONER * deps.pace(gateId));
    nextAtMs = Math.max(nextAtMs, gatewayNow() - LOOK_AGAIN_MS) + events / perMs;
    await sleep(Math.min(LONGEST_PAUSE_MS, Math.max(0, nextAtMs - gatewayNow())));
  }
}

/** Wakes the first few that wait at a gate; returns how many, and of how many events. */
export async function wakeFirst(
  deps: WakeDependencies,
  { gateId, reason, limit }: { gateId: string; reason: ParkReason; limit: number },
): Promise<{ workflows: number; events: number }> {
  const woken = { workflows: 0, events: 0 };
  for (;;) {
    // One after the other: the first may take others along.
    const [one] = await takeParked(deps.db, { gateId, reason, limit: 1, wokenBy: deps.holder() });
    if (one === undefined) return woken;
    woken.events += await wakeParked(deps, { gateId, reason, one }).catch(
      async (error: unknown) => {
        // It was not woken, whatever its row says: the next try is not to pass it over.
        await returnParked(deps.db, { gateId, reason, workflowId: one.workflowId }).catch(() => {});
        throw error;
      },
    );
    woken.workflows++;
    if (woken.workflows >= limit) return woken;
  }
}

/** Wakes the delivery that waits; where none does, starts one for these events and those that are next. Returns how many go. */
async function wakeParked(
  deps: WakeDependencies,
  { gateId, reason, one }: { gateId: string; reason: ParkReason; one: Parked },
): Promise<number> {
  const { workflowId, unstarted } = one;
  // Together they cost what one costs.
  const eventIds = unstarted
    ? await joinParked(deps.db, {
        gateId,
        reason,
        workflowId,
        most: Math.max(0, TOGETHER - one.eventIds.length),
      })
    : one.eventIds;
  if (eventIds.length === 0) return 0;
  if (reason === ParkReason.Paused) await requeueHeld(deps.db, eventIds);
  if (unstarted) await wakeOrStart(deps, { workflowId, eventIds });
  else await wakeOne(deps, { workflowId, eventIds });
  return eventIds.length;
}

/** Sees that a delivery looks at these events: the one that runs under this id, or a new one. */
export async function wakeOrStart(
  { wakeDelivery, startDelivery }: Pick<WakeDependencies, 'wakeDelivery' | 'startDelivery'>,
  { workflowId, eventIds }: { workflowId: string; eventIds: string[] },
): Promise<void> {
  // It may have been started before, by one who could not say so, or for others of its dispatch.
  const alive = await wakeDelivery(workflowId, eventIds);
  if (alive) return;
  const destinationId = destinationOfDelivery(workflowId);
  await startDelivery({ workflowId, destinationId, eventIds });
}

/** Wakes one delivery; where it has ended, and could not say so, another one starts for what it left. */
async function wakeOne(
  { db, wakeDelivery, startDelivery }: WakeDependencies,
  { workflowId, eventIds }: Pick<Parked, 'workflowId' | 'eventIds'>,
): Promise<void> {
  const alive = await wakeDelivery(workflowId, eventIds);
  if (alive) return;
  const destinationId = destinationOfDelivery(workflowId);
  // What waits in lanes is looked after by their sweep.
  if (destinationId === '') return dropParked(db, workflowId);
  await startDelivery({ workflowId, destinationId, eventIds });
}
