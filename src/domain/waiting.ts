import type { Waiting } from './delivery.ts';

/**
 * Puts events that are due at about the same time together, never earlier than any of them is due:
 * times are rounded up to about a twentieth of what is left to wait, between 50 ms and a minute.
 */
export function groupWaiting(
  events: { eventId: string; dueAtMs: number }[],
  nowMs: number,
): Waiting[] {
  const groups = new Map<number, string[]>();
  for (const { eventId, dueAtMs } of events) {
    const grainMs = Math.min(
      60_000,
      Math.max(50, 50 * 2 ** Math.floor(Math.log2(Math.max(1, (dueAtMs - nowMs) / 1000)))),
    );
    const at = Math.ceil(dueAtMs / grainMs) * grainMs;
    const group = groups.get(at);
    if (group) group.push(eventId);
    else groups.set(at, [eventId]);
  }
  return [...groups].map(([dueAtMs, eventIds]) => ({ dueAtMs, eventIds }));
}
