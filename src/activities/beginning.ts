import { activityInfo } from '@temporalio/activity';
import {
  beginAttempts,
  withdrawAttempts,
  type BegunAttempt,
  type Beginning,
} from '../db/attempts.ts';
import { gatewayNow } from '../db/clock.ts';
import { cancelClosed, closeInterrupted } from '../db/interrupted.ts';
import type { Look } from '../db/look.ts';
import type { Waiting } from '../domain/delivery.ts';
import { groupWaiting } from '../domain/waiting.ts';
import { holdEvents } from '../db/parked.ts';
import type { Database } from '../db/pool.ts';
import type { DeliveryDependencies } from './delivery.ts';

/** An event that is not over, and when to look at it again; `parked`: somebody will wake it before. */
export type Open = { eventId: string; dueAtMs: number; parked?: boolean };

/** Why an event was not begun. */
export type Unbegun = Exclude<Beginning | Look, { kind: 'begun' } | { kind: 'ready' }>;

// Woken by signal when the wait is over; this look is for a signal that got lost.
export const PARKED_LOOK_MS = 6 * 3_600_000;
const LOOK_AGAIN_MS = 5_000;
const SOON_MS = 50;
const SOON_HEARD_MS = 1_000;
// No attempt lasts longer: 900 s is the longest timeout a destination can have.
const LONGEST_ATTEMPT_MS = 960_000;

/**
 * Begins attempts; closes those that somebody left open who is gone, and begins these events anew. What is begun stays
 * in `flights` until its attempt is over. An event that is under way in this process is busy, whoever asks.
 */
export async function begin(
  { db, traffic }: Pick<DeliveryDependencies, 'db' | 'traffic'>,
  { eventIds, ...order }: { eventIds: string[]; workflowId: string; inLane?: boolean },
): Promise<{ begun: BegunAttempt[]; others: Unbegun[] }> {
  const { flights } = traffic;
  const entered = flights.enter(eventIds);
  const free = new Set(entered);
  try {
    const found =
      entered.length > 0
        ? await beginFree(db, { ...order, eventIds: entered, holder: flights.holder() })
        : [];
    const { begun, others } = divide(found);
    for (const { eventId } of begun) free.delete(eventId);
    const here = entered.length === eventIds.length ? [] : without(eventIds, entered);
    return {
      begun,
      others: [...others, ...here.map((eventId) => ({ kind: 'busy' as const, eventId }))],
    };
  } finally {
    flights.leave([...free]);
  }
}

/** Takes back attempts of which nothing was sent. */
export async function withdraw(
  { db, traffic }: Pick<DeliveryDependencies, 'db' | 'traffic'>,
  attempts: BegunAttempt[],
): Promise<void> {
  try {
    await withdrawAttempts(
      db,
      attempts.map((attempt) => attempt.attemptId),
    );
  } finally {
    traffic.flights.leave(attempts.map((attempt) => attempt.eventId));
  }
}

async function beginFree(
  db: Database,
  order: { eventIds: string[]; workflowId: string; inLane?: boolean; holder: number | null },
): Promise<Beginning[]> {
  const { workflowId, holder } = order;
  const nowMs = gatewayNow();
  const found = await beginAttempts(db, { ...order, nowMs });
  // Rows that are gone (their day has been dropped) are settled by that.
  const busy = found.filter((event) => event.kind === 'busy').map((event) => event.eventId);
  if (busy.length === 0) return found;
  const staleMs = LONGEST_ATTEMPT_MS;
  const closed = await closeInterrupted(db, { eventIds: busy, workflowId, staleMs, holder });
  if (closed.length === 0) return found;
  const again = await beginAttempts(db, { ...order, eventIds: closed, nowMs });
  return [
    ...found.filter((event) => event.kind !== 'busy' || !closed.includes(event.eventId)),
    ...again,
  ];
}

/**
 * How far Temporal's clock is ahead of the gateway's, as the beginning of this activity shows; 0 where it is behind.
 * Its timers go by that clock: what is to happen at a time of ours has to be asked for that much later, or it would
 * come too early and be asked for again and again.
 */
export function temporalAheadMs(): number {
  return Math.max(0, activityInfo().currentAttemptScheduledTimestampMs - gatewayNow());
}

/** Events that wait, as a workflow is told of them: with times of Temporal's clock. */
export function waitingOf(open: Open[], aheadMs: number): Waiting[] {
  const nowMs = gatewayNow();
  const shown = open.map((event) => ({ ...event, dueAtMs: event.dueAtMs + aheadMs }));
  return groupWaiting(shown, nowMs + aheadMs);
}

function without(eventIds: string[], others: string[]): string[] {
  const known = new Set(others);
  return eventIds.filter((id) => !known.has(id));
}

function divide(found: Beginning[]): { begun: BegunAttempt[]; others: Unbegun[] } {
  return {
    begun: found.flatMap((event) => (event.kind === 'begun' ? event.attempt : [])),
    others: found.filter((event) => event.kind !== 'begun'),
  };
}

/**
 * Does what is to be done with events that cannot be begun: cancels, holds at the gate that is shut, hands to its lane.
 * Returns those that are still this workflow's to look after. Without `parks` (nobody could wake the workflow), what
 * is held is left as it is, to be looked at by the next.
 */
export async function passOver(
  db: Database,
  {
    others,
    workflowId,
    parks,
    enterLane,
  }: {
    others: Unbegun[];
    workflowId: string;
    parks: boolean;
    enterLane: (connectionIds: string[]) => Promise<void>;
  },
): Promise<Open[]> {
  const of = <Kind extends Unbegun['kind']>(kind: Kind) =>
    others.filter((event): event is Extract<Unbegun, { kind: Kind }> => event.kind === kind);
  const cancelled = of('cancelled').map((event) => event.eventId);
  if (cancelled.length > 0) await cancelClosed(db, cancelled);
  const laned = new Set(of('laned').map((event) => event.connectionId));
  if (laned.size > 0) await enterLane([...laned]);
  const held = of('held');
  const parked = parks && held.length > 0 ? await holdEvents(db, { held, workflowId }) : [];
  const soonMs = gatewayNow() + SOON_MS;
  return [
    ...of('later').map(({ eventId, dueAtMs }) => ({ eventId, dueAtMs: Math.max(dueAtMs, soonMs) })),
    ...of('busy').map(({ eventId }) => ({ eventId, dueAtMs: gatewayNow() + LOOK_AGAIN_MS })),
    // A process that has not heard of it yet: who looks again soon waits in line.
    ...of('withheld').map(({ eventId }) => ({ eventId, dueAtMs: gatewayNow() + SOON_HEARD_MS })),
    ...held.map(({ eventId }): Open =>
      parked.includes(eventId)
        ? { eventId, dueAtMs: gatewayNow() + PARKED_LOOK_MS, parked: true }
        : // The gate has opened meanwhile, or the next who looks can be woken.
          { eventId, dueAtMs: 0 },
    ),
  ];
}
