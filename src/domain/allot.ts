import type { Limit } from './limits.ts';

/** How far a limit has been used up; times in ms since 1970. */
export type Track = {
  limit: Limit;
  /** The earliest time the next delivery may have. */
  nextAtMs: number;
  /** Where the line of those that wait for their turn ends. */
  lineAtMs: number;
  /** Open requests. */
  open: number;
};

/**
 * What one event asks for. `queued`: it has waited for its turn, and goes before those that just came;
 * `leased`: it counts among the open requests already.
 */
export type Want = { group: string | null; queued: boolean; leased?: boolean };
export type Answer =
  | { kind: 'slot'; atMs: number; lateMs: number | null }
  | { kind: 'wait'; untilMs: number }
  | { kind: 'busy' };

// A delivery that waits for its group must not keep the destination's next time, or one of its open requests, from
// others for longer than this.
const GROUP_SLACK_MS = 50;

/** The state of a limit as it was kept under `words`: a pace that has changed starts anew. */
export function resumeTrack(
  limit: Limit,
  kept: { words: string; nextAtMs: number; lineAtMs: number },
  { nowMs, open }: { nowMs: number; open: number },
): Track {
  if (kept.words === (limit.pace?.words ?? '')) return { limit, open, ...kept };
  const nextAtMs = Math.min(kept.nextAtMs, nowMs + (limit.pace?.intervalMs ?? 0));
  return { limit, open, nextAtMs, lineAtMs: 0 };
}

/**
 * Gives times to as many of these deliveries as may be sent within the horizon, in order, and uses up their tracks.
 * `whole` is the destination's track, `groups` those of its groups. The others hear when to ask again.
 */
export function allot(
  wants: readonly Want[],
  {
    whole,
    groups,
    nowMs,
    leadMs,
    horizonMs,
    most,
  }: {
    whole: Track;
    groups: ReadonlyMap<string, Track>;
    nowMs: number;
    leadMs: number;
    horizonMs: number;
    most: number;
  },
): Answer[] {
  const waiting = new Map<Track, number>();
  let given = 0;
  return wants.map((want): Answer => {
    const group = want.group === null ? undefined : groups.get(want.group);
    const tracks = group ? [whole, group] : [whole];
    const wholeAtMs = Math.max(nowMs + leadMs, timeOf(whole));
    const atMs = Math.max(wholeAtMs, group ? timeOf(group) : 0);
    const line = want.queued ? 0 : Math.max(...tracks.map((t) => (t.limit.pace ? t.lineAtMs : 0)));
    const far = atMs > nowMs + horizonMs || line > nowMs + horizonMs;
    const apart = isLimited(whole) && atMs > wholeAtMs + GROUP_SLACK_MS;
    const full = !want.leased && tracks.some(isFull);
    // One that has to wait for its time needs no room before.
    if (full && !far && !apart) return { kind: 'busy' };
    if (given >= most || far || apart) {
      return { kind: 'wait', untilMs: Math.max(atMs, line) + behind(tracks, waiting) };
    }
    given++;
    for (const track of tracks) {
      if (!want.leased) track.open++;
      if (track.limit.pace) track.nextAtMs = atMs + track.limit.pace.intervalMs;
    }
    return { kind: 'slot', atMs, lateMs: lateMsOf(tracks) };
  });
}

/** Puts deliveries at the end of the line; returns when the turn of each comes (ms since 1970). */
export function lineUp(
  wants: readonly Want[],
  { whole, groups, nowMs }: { whole: Track; groups: ReadonlyMap<string, Track>; nowMs: number },
): number[] {
  return wants.map((want) => {
    const group = want.group === null ? undefined : groups.get(want.group);
    let turnMs = nowMs;
    for (const track of group ? [whole, group] : [whole]) {
      const { pace } = track.limit;
      if (!pace) continue;
      const atMs = Math.max(track.lineAtMs, track.nextAtMs, nowMs);
      track.lineAtMs = atMs + pace.intervalMs;
      turnMs = Math.max(turnMs, atMs);
    }
    return turnMs;
  });
}

function isFull({ limit, open }: Track): boolean {
  return limit.concurrent !== null && open >= limit.concurrent;
}

function isLimited({ limit }: Track): boolean {
  return limit.pace !== null || limit.concurrent !== null;
}

function timeOf({ limit, nextAtMs }: Track): number {
  return limit.pace ? nextAtMs : 0;
}

/** How much later than the first of those that wait on the slowest of these tracks this one is. */
function behind(tracks: Track[], waiting: Map<Track, number>): number {
  let ms = 0;
  for (const track of tracks) {
    const before = waiting.get(track) ?? 0;
    waiting.set(track, before + 1);
    ms = Math.max(ms, before * (track.limit.pace?.intervalMs ?? 0));
  }
  return ms;
}

function lateMsOf(tracks: Track[]): number | null {
  const paces = tracks.flatMap(({ limit }) => limit.pace ?? []);
  return paces.length === 0 ? null : Math.min(...paces.map((pace) => pace.lateMs));
}
