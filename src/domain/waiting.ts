import type { Waiting } from './delivery.ts';

/**
 * Puts events that are due at about the same time together, never earlier than any of them is due:
 * times are rounded up to about a twentieth of what is left to wait, between 50 ms and a minute.
 */
export function groupWaiting(
  events: { eventId: string; dueAtMs: number; parked?: boolean }[],
  nowMs: number,
): Waiting[] {
  const groups = new Map<number, Waiting>();
  for (const { eventId, dueAtMs, parked = false } of events) {
    const grainMs = Math.min(
      60_000,
      Math.max(50, 50 * 2 ** Math.floor(Math.log2(Math.max(1, (dueAtMs - nowMs) / 1000)))),
    );
    const at = Math.ceil(dueAtMs / grainMs) * grainMs;
    // Times are whole, so a half marks the groups that are parked.
    const key = parked ? at + 0.5 : at;
    const group = groups.get(key);
    if (group) group.eventIds.push(eventId);
    else groups.set(key, { dueAtMs: at, eventIds: [eventId], ...(parked ? { parked } : {}) });
  }
  return [...groups.values()];
}

/** Makes these events due now, those that were not waiting too; all of them where none is named. */
export function dueNow(
  waiting: Waiting[],
  { eventIds, nowMs }: { eventIds: string[]; nowMs: number },
): Waiting[] {
  if (eventIds.length === 0) return waiting.map((group) => ({ ...group, dueAtMs: nowMs }));
  // Whoever wakes by name mostly does so because of a row: the next attempt clears it away.
  const woken = { eventIds, dueAtMs: nowMs, parked: true as const };
  return [...without(waiting, [woken]), woken];
}

/** What waits, without the events that stand in `others`. */
export function without(waiting: Waiting[], others: Waiting[]): Waiting[] {
  const gone = new Set(others.flatMap((group) => group.eventIds));
  if (gone.size === 0) return waiting;
  return waiting
    .map((group) => ({ ...group, eventIds: group.eventIds.filter((id) => !gone.has(id)) }))
    .filter((group) => group.eventIds.length > 0);
}
