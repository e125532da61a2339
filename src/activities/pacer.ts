import { allot, lineUp, resumeTrack, type Answer, type Track, type Want } from '../domain/allot.ts';
import type { Limit, Limits } from '../domain/limits.ts';
import { createClockOffset, type ClockOffset } from './clock-offset.ts';
import { createBatcher, type Batcher } from '../db/batcher.ts';
import { readClock } from '../db/clock.ts';
import { countLeases, endLeases, renewLeases, takeLeases } from '../db/leases.ts';
import type { Database, Db } from '../db/pool.ts';
import { ensureSlots, lockSlots, saveSlots, type KeptSlots } from '../db/rate-slots.ts';

export type PacedWant = Want & { eventId: string };

/** When one may be sent, by `performance.now()`, and how late that may become; null where no rate is set. */
export type PacedSlot = { kind: 'slot'; atMs: number; lateMs: number | null };

/** A time, or in how many ms one may ask again. */
export type PacedAnswer = PacedSlot | { kind: 'wait'; inMs: number } | { kind: 'busy' };

/** Asks PostgreSQL, for all workers together, when a destination's deliveries may leave. */
export type Pacer = {
  /** Times within the next moment for at most `most` of these; for the others, when to ask again. */
  reserve(order: Order): Promise<PacedAnswer[]>;
  /** A place in line for each: how long until its turn. */
  lineUp(order: Omit<Order, 'most'>): Promise<number[]>;
  /** These requests are over. */
  release(destinationId: string, eventIds: string[]): Promise<void>;
  /** Resolves when a request of this process to this destination is over. */
  released(destinationId: string): Promise<void>;
  close(): void;
};

type Order = { destinationId: string; limits: Limits; wants: PacedWant[]; most: number };
type Job = Order & { line: boolean };

const HORIZON_MS = 1_000;
// What it takes to begin an attempt: the first time is not earlier than that.
const LEAD_MS = 15;
const LEASE_MS = 20_000;
const RENEW_MS = 4_000;

export function createPacer({
  db,
  onError,
}: {
  db: Database;
  onError: (error: unknown) => void;
}): Pacer {
  const clock = createClockOffset();
  const queues = new Map<string, Batcher<Job, PacedAnswer[]>>();
  const held = new Set<string>();
  const listeners = new Map<string, (() => void)[]>();
  const ending = createBatcher<string[], void>({
    maxItems: 500,
    run: async (items) => {
      await endLeases(db, items.flat());
      return items.map(() => undefined);
    },
  });
  const renewing = setInterval(() => {
    if (held.size === 0) return;
    renewLeases(db, { eventIds: [...held], leaseMs: LEASE_MS }).catch(onError);
  }, RENEW_MS);
  renewing.unref();

  // One transaction at a time for each destination: all that ask meanwhile go together.
  function queueOf(destinationId: string): Batcher<Job, PacedAnswer[]> {
    let queue = queues.get(destinationId);
    if (!queue) {
      queue = createBatcher<Job, PacedAnswer[]>({
        maxItems: 200,
        run: (jobs) => db.transaction((tx) => reserveAll(tx, { destinationId, jobs, held, clock })),
      });
      queues.set(destinationId, queue);
    }
    return queue;
  }

  return {
    reserve: (order) => queueOf(order.destinationId).add({ ...order, line: false }),
    async lineUp(order) {
      const answers = await queueOf(order.destinationId).add({ ...order, most: 0, line: true });
      return answers.map((answer) => ('inMs' in answer ? answer.inMs : 0));
    },
    async release(destinationId, eventIds) {
      const leased = eventIds.filter((id) => held.delete(id));
      if (leased.length > 0) await ending.add(leased);
      for (const resolve of listeners.get(destinationId) ?? []) resolve();
      listeners.delete(destinationId);
    },
    released: (destinationId) =>
      new Promise((resolve) => {
        const waiting = listeners.get(destinationId) ?? [];
        listeners.set(destinationId, [...waiting, resolve]);
      }),
    close: () => clearInterval(renewing),
  };
}

async function reserveAll(
  tx: Db,
  {
    destinationId,
    jobs,
    held,
    clock,
  }: { destinationId: string; jobs: Job[]; held: Set<string>; clock: ClockOffset },
): Promise<PacedAnswer[][]> {
  // The policy of the newest job is everybody's.
  const { limits } = jobs.at(-1)!;
  const names = new Set(jobs.flatMap((job) => job.wants.flatMap((want) => want.group ?? [])));
  const rows = ['', ...[...names].map(groupRow)];
  await ensureSlots(tx, { destinationId, groups: rows });
  const { nowMs, slots } = await lockSlots(tx, { destinationId, groups: rows });
  clock.sample(nowMs, performance.now());
  // Times that are given by a clock believed to be behind, and by the right one afterwards, would come too close.
  while (clock.isUncertain(performance.now())) clock.sample(await readClock(tx), performance.now());
  const open = await countLeases(tx, { destinationId, leaseMs: LEASE_MS });
  const kept = new Map(slots.map((slot) => [slot.group, slot]));
  const track = (limit: Limit, row: string, count: number): Track =>
    resumeTrack(limit, kept.get(row)!, { nowMs, open: count });
  const all = [...open.values()].reduce((sum, n) => sum + n, 0);
  const whole = track(limits.whole, '', all);
  const groups = new Map(
    [...names].map((name) => {
      const row = groupRow(name);
      return [name, track(limits.ofGroup(name), row, open.get(row) ?? 0)];
    }),
  );
  const answers = jobs.map((job) => answer(job, { whole, groups, nowMs, clock }));
  const used = [...groups].map(([name, one]) => keep(groupRow(name), one));
  await saveSlots(tx, { destinationId, slots: [keep('', whole), ...used] });
  await lease(tx, { destinationId, jobs, answers, held });
  return answers;
}

function keep(group: string, { limit, nextAtMs, lineAtMs }: Track): KeptSlots {
  return { group, words: limit.pace?.words ?? '', nextAtMs, lineAtMs };
}

/** Counts deliveries as open, also where only a rate is set: a limit of open requests may be set meanwhile. */
async function lease(
  tx: Db,
  {
    destinationId,
    jobs,
    answers,
    held,
  }: { destinationId: string; jobs: Job[]; answers: PacedAnswer[][]; held: Set<string> },
): Promise<void> {
  const leases = jobs.flatMap((job, i) =>
    job.wants
      .filter((want, k) => answers[i]![k]!.kind === 'slot' && !want.leased)
      .map(({ eventId, group }) => ({ eventId, group: group === null ? '' : groupRow(group) })),
  );
  if (leases.length === 0) return;
  await takeLeases(tx, { destinationId, leases, leaseMs: LEASE_MS });
  for (const { eventId } of leases) held.add(eventId);
}

function answer(
  job: Job,
  state: { whole: Track; groups: ReadonlyMap<string, Track>; nowMs: number; clock: ClockOffset },
): PacedAnswer[] {
  const { nowMs, clock } = state;
  if (job.line) {
    return lineUp(job.wants, state).map((atMs) => ({ kind: 'wait', inMs: atMs - nowMs }));
  }
  const times = { nowMs, leadMs: LEAD_MS, horizonMs: HORIZON_MS, most: job.most };
  return allot(job.wants, { ...state, ...times }).map((given: Answer): PacedAnswer => {
    if (given.kind === 'slot') return { ...given, atMs: clock.toOurs(given.atMs) };
    return given.kind === 'wait' ? { kind: 'wait', inMs: given.untilMs - nowMs } : given;
  });
}

/** A group's row: the empty group is not the destination's own. */
function groupRow(name: string): string {
  return `=${name}`;
}
