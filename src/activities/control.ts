import { cancellationSignal, heartbeat } from '@temporalio/activity';
import {
  ParkReason,
  type ChangedGate,
  type Gate,
  type GateChange,
  type GateState,
} from '../domain/control.ts';
import { deliveryPolicy, problemsOfPolicy, withPeriod } from '../domain/schema/delivery-policy.ts';
import { check, pathText } from '../domain/schema/problem.ts';
import { deliveryWorkflowId } from '../domain/workflow-id.ts';
import { countHeld, openGate, readGate, setDeliveryPolicy, shutGate } from '../db/gates.ts';
import { listForgotten, listNeglected, resetLostWakes, type Forgotten } from '../db/parked.ts';
import type { Database } from '../db/pool.ts';
import { hasWaiters, holdWaiters, requeueWaiters, waitersAt } from '../db/waiters.ts';
import type { Log } from '../log.ts';
import { pump, wakeFirst, wakeOrStart, type WakeDependencies } from './pump.ts';

export type ControlActivities = {
  /** Applies a change to a gate's row, which is what attempts look at; without one it tells what the gate is like. */
  applyControl(order: { gate: Gate; change: GateChange | null }): Promise<ChangedGate>;
  /** How many events of a gate are held. */
  countHeld(order: { gate: Gate }): Promise<{ held: number }>;
  /** Holds what waits behind a gate that has been shut, for its turn or its pace. */
  holdWaiting(order: { gateId: string }): Promise<void>;
  /** Wakes what waits at a gate, at a budget. */
  pumpParked(order: { gateId: string; reasons: ParkReason[] }): Promise<number>;
};

export type ControlDependencies = WakeDependencies & {
  room: (gateId: string) => number;
  pace: (gateId: string) => number;
  log: Log;
};

const LOST_WAKE_MS = 60_000;
const FORGOTTEN_MS = 120_000;
const TURN_MS = 60_000;
const OPEN_MS = 30_000;

const GONE: GateState = {
  paused: false,
  pausedAt: null,
  reason: null,
  epoch: 0,
  gone: true,
  refused: null,
};

/** Says that this goes on; ends it where its workflow has gone on without it. */
function beat(): void {
  heartbeat();
  cancellationSignal().throwIfAborted();
}

export function createControlActivities(deps: ControlDependencies): ControlActivities {
  return {
    async applyControl({ gate, change }) {
      const state = (await apply(deps.db, { gate, change })) ?? GONE;
      if (change) deps.log.info({ gate: gate.id, change: change.kind, ...state }, 'Gate changed');
      if (change === null) return state;
      const isShut = change.kind === 'pause' && state.paused && !state.gone;
      const waiters = isShut && (await hasWaiters(deps.db, gate.id));
      return { ...state, handsOver: true, ...(waiters ? { waiters } : {}) };
    },
    countHeld: async ({ gate }) => ({ held: await countHeld(deps.db, gate) }),
    async holdWaiting({ gateId }) {
      for await (const eventIds of waitersAt(deps.db, gateId)) {
        beat();
        if (!(await holdWaiters(deps.db, { gateId, eventIds }))) return;
      }
    },
    async pumpParked({ gateId, reasons }) {
      const pumpAll = async () => {
        let woken = 0;
        for (const reason of reasons) woken += await pump(deps, { gateId, reason, beat });
        return woken;
      };
      // What waits for its turn or its pace goes on waiting, and is held no more: nobody waits for that.
      const opens = reasons.includes(ParkReason.Paused);
      const [woken] = await Promise.all([pumpAll(), opens && requeueAll(deps.db, gateId)]);
      return woken;
    },
  };
}

async function requeueAll(db: Database, gateId: string): Promise<void> {
  for await (const eventIds of waitersAt(db, gateId)) {
    beat();
    await requeueWaiters(db, eventIds);
  }
}

function apply(
  db: Database,
  { gate, change }: { gate: Gate; change: GateChange | null },
): Promise<GateState | null> {
  if (change === null) return readGate(db, gate);
  switch (change.kind) {
    case 'pause':
      return shutGate(db, { gate, reason: change.reason ?? null });
    case 'resume':
      return openGate(db, gate);
    case 'setDeliveryPolicy':
      return applyPolicy(db, { gate, policy: change.policy });
  }
}

/** A policy that came by signal is checked like one that came by the API; without one, the row has it already. */
async function applyPolicy(
  db: Database,
  { gate, policy }: { gate: Gate; policy: unknown },
): Promise<GateState | null> {
  const state = await readGate(db, gate);
  if (policy === undefined || state === null) return state;
  if (gate.kind !== 'destination')
    return { ...state, refused: 'Only a destination has a delivery policy.' };
  const read = check(deliveryPolicy.nullable(), policy);
  const problems = read.ok ? read.value && problemsOfPolicy(read.value) : read.problems;
  if (!read.ok || problems?.length) {
    const sentences = problems?.map((one) => `${pathText('policy', one.path)} ${one.message}.`);
    return { ...state, refused: sentences?.join(' ') ?? null };
  }
  const ready = read.value && withPeriod(read.value);
  return setDeliveryPolicy(db, { destinationId: gate.id, policy: ready });
}

/** Finds what waits although nothing holds it back: wake-ups that got lost, rows that are gone. Returns how many it woke. */
export async function sweepParked(
  deps: ControlDependencies,
  { beat: goesOn }: { beat: () => void },
): Promise<number> {
  const { db, log } = deps;
  await resetLostWakes(db, { afterMs: LOST_WAKE_MS });
  let woken = 0;
  for (const { gateId, reason } of await listNeglected(db, { turnMs: TURN_MS, openMs: OPEN_MS })) {
    // One that gets its turn wakes the next; the line as a whole has a pace of its own.
    woken +=
      reason === ParkReason.Turn
        ? (await wakeFirst(deps, { gateId, reason, limit: 1 })).workflows
        : await pump(deps, { gateId, reason, beat: goesOn });
  }
  for (const forgotten of await listForgotten(db, { afterMs: FORGOTTEN_MS })) {
    await wakeForgotten(deps, forgotten);
    woken++;
  }
  if (woken > 0) log.info({ woken }, 'Woke events that were left waiting');
  return woken;
}

/** The one that held them may still wait; where none does, one is started for them. */
async function wakeForgotten(
  deps: WakeDependencies,
  { workflowId, eventIds, ...delivery }: Forgotten,
): Promise<void> {
  await requeueWaiters(deps.db, eventIds);
  const alive = await deps.wakeDelivery(workflowId, eventIds);
  if (alive) return;
  const ownId = deliveryWorkflowId({ ...delivery, part: 'held' });
  await wakeOrStart(deps, { workflowId: ownId, eventIds });
}
