import { setTimeout as sleep } from 'node:timers/promises';
import { laneWorkflowId } from '../domain/lane.ts';
import type { BegunAttempt } from '../db/attempts.ts';
import { createBatcher } from '../db/batcher.ts';
import { gatewayNow } from '../db/clock.ts';
import type { Connection } from '../db/configuration.ts';
import { leaveLanes, type Head } from '../db/lanes.ts';
import { lookAtEvents } from '../db/look.ts';
import { begin, passOver, type Unbegun } from './beginning.ts';
import type { DeliveryDependencies } from './delivery.ts';
import { comesToSend, limitsNow, type Timed } from './paced.ts';
import type { PacedAnswer, PacedWant } from './pacer.ts';

/** Delivers heads of lanes side by side, each key by itself. */
export type LaneRunner = {
  start(heads: Head[]): Promise<void>;
  /** Keys at which there is nothing to look for now: their head is under way, or waits. */
  keysToLeave(): string[];
  isBusy(): boolean;
  idle(): Promise<void>;
  /** When the first of those that wait is due; null when none does. */
  nextLookMs(): number | null;
};

type Dependencies = Omit<DeliveryDependencies, 'enterLane'>;

// A head that waits may be changed by hand meanwhile, and so may the policy that it waits for.
const LOOK_AGAIN_MS = 2_000;
// One that failed for good blocks its key until somebody does something about it.
const BLOCKED_LOOK_MS = 300_000;
const SHUT_LOOK_MS = 60_000;
const BUSY_LOOK_MS = 250;
const NEAR_MS = 10_000;

export function createLaneRunner(
  deps: Dependencies,
  { connection, onFree }: { connection: Connection; onFree: () => void },
): LaneRunner {
  const underWay = new Map<string, Promise<void>>();
  const waiting = new Map<string, { dueAtMs: number; lookAtMs: number }>();
  const workflowId = laneWorkflowId(connection.id);
  const leaving = createBatcher<Head, boolean>({
    maxItems: 200,
    run: async (heads) => {
      // Where order is wanted no more, nothing is held back for it.
      const skip = connection.ordering === null || connection.ordering.on_failure === 'skip';
      const left = await leaveLanes(deps.db, { connectionId: connection.id, heads, skip });
      const gone = new Set(left);
      return heads.map((head) => gone.has(head.eventId));
    },
  });

  const endProbe = () => deps.traffic.circuits.endProbe(connection.destinationId);
  function waitUntil(key: string, dueAtMs: number): void {
    waiting.set(key, { dueAtMs, lookAtMs: Math.min(dueAtMs, gatewayNow() + LOOK_AGAIN_MS) });
  }
  async function over(head: Head): Promise<void> {
    if (!(await leaving.add(head))) waitUntil(head.key, gatewayNow() + BLOCKED_LOOK_MS);
  }
  function track(head: Head, work: Promise<void>): void {
    const done = work
      .catch(() => waitUntil(head.key, gatewayNow() + LOOK_AGAIN_MS))
      .finally(() => {
        underWay.delete(head.key);
        endProbe();
        onFree();
      });
    underWay.set(head.key, done);
  }
  /** Sends in a place that has been taken, and gives it back. */
  async function send(head: Head, attempt: BegunAttempt): Promise<void> {
    const { destinationId } = connection;
    try {
      const dueAtMs = await deps.attemptOnce(attempt, destinationId);
      if (dueAtMs !== null) return waitUntil(head.key, dueAtMs);
    } finally {
      deps.traffic.places.give(destinationId, 1);
    }
    await over(head);
  }
  async function settleOthers(heads: Head[], others: Unbegun[]): Promise<void> {
    if (others.length === 0) return;
    const enterLane = () => Promise.resolve();
    const open = await passOver(deps.db, { others, workflowId, parks: true, enterLane });
    const openAt = new Map(open.map((event) => [event.eventId, event.dueAtMs]));
    const found = new Set(others.map((other) => other.eventId));
    for (const head of heads) {
      const dueAtMs = openAt.get(head.eventId);
      if (dueAtMs !== undefined) waitUntil(head.key, dueAtMs);
      else if (found.has(head.eventId)) await over(head);
    }
  }
  async function beginAll(heads: Head[]): Promise<void> {
    const { places, bodySizes } = deps.traffic;
    for (let left = heads; left.length > 0;) {
      const most = Math.min(bodySizes.most(connection.destinationId), left.length);
      const count = await places.take(connection.destinationId, most);
      await beginSome(left.slice(0, count));
      left = left.slice(count);
    }
  }
  /** Begins what has its places, and gives back those of the others. */
  async function beginInPlace(heads: Head[]): Promise<Awaited<ReturnType<typeof begin>>> {
    const { places, bodySizes } = deps.traffic;
    const eventIds = heads.map((head) => head.eventId);
    let unused = heads.length;
    try {
      const found = await begin(deps, { eventIds, workflowId, inLane: true });
      unused -= found.begun.length;
      const bodies = found.begun.map((attempt) => attempt.body);
      bodySizes.record(connection.destinationId, bodies);
      return found;
    } finally {
      places.give(connection.destinationId, unused);
    }
  }
  async function beginSome(heads: Head[]): Promise<void> {
    const { begun, others } = await beginInPlace(heads).catch((error: unknown) => {
      endProbe();
      throw error;
    });
    // One that was let through to try its receiver, and is not due yet, has tried nothing.
    if (begun.length === 0) endProbe();
    const attempts = new Map(begun.map((attempt) => [attempt.eventId, attempt]));
    for (const head of heads) {
      const attempt = attempts.get(head.eventId);
      if (attempt) track(head, send(head, attempt));
    }
    await settleOthers(heads, others);
  }
  async function paced(head: Head): Promise<void> {
    const { want, answer } = await waitForSlot(deps, { connection, eventId: head.eventId });
    if (answer.kind === 'wait') return waitUntil(head.key, gatewayNow() + answer.inMs);
    const { destinationId } = connection;
    const { places, pacer } = deps.traffic;
    try {
      await places.take(destinationId);
      const { begun, others } = await beginInPlace([head]);
      await settleOthers([head], others);
      const [attempt] = begun;
      if (attempt) await sendAtItsTime(head, { destinationId, want, attempt, slot: answer });
    } finally {
      await pacer.release(destinationId, [head.eventId]);
    }
  }
  async function sendAtItsTime(head: Head, timed: Timed): Promise<void> {
    let comes = false;
    try {
      comes = await comesToSend(deps, timed);
    } finally {
      if (!comes) deps.traffic.places.give(timed.destinationId, 1);
    }
    if (comes) await send(head, timed.attempt);
    else waitUntil(head.key, gatewayNow());
  }

  return {
    async start(heads) {
      const { destinationId } = connection;
      const policy = deps.configuration.destination(destinationId)?.config.delivery_policy;
      for (const head of heads) waiting.delete(head.key);
      const ready = heads.filter((head) => {
        const answers = deps.traffic.circuits.enter(destinationId) !== 'open';
        const { probeAtMs } = deps.traffic.circuits.state(destinationId);
        // It may last a day, and be ended before.
        if (!answers)
          waitUntil(head.key, Math.min(probeAtMs ?? gatewayNow(), gatewayNow() + SHUT_LOOK_MS));
        return answers;
      });
      if (policy) for (const head of ready) track(head, paced(head));
      else if (ready.length > 0) await beginAll(ready);
    },
    keysToLeave() {
      const nowMs = gatewayNow();
      const early = [...waiting].filter(([, { lookAtMs }]) => lookAtMs > nowMs);
      return [...underWay.keys(), ...early.map(([key]) => key)];
    },
    isBusy: () => underWay.size > 0,
    idle: async () => void (await Promise.all(underWay.values())),
    nextLookMs: () =>
      waiting.size === 0 ? null : Math.min(...[...waiting.values()].map((one) => one.dueAtMs)),
  };
}

/** Waits until a head has a time to be sent at. Where that takes long, the answer is to wait. */
async function waitForSlot(
  { db, configuration, traffic }: Dependencies,
  { connection, eventId }: { connection: Connection; eventId: string },
): Promise<{ want: PacedWant; answer: Exclude<PacedAnswer, { kind: 'busy' }> }> {
  const [seen] = await lookAtEvents(db, { eventIds: [eventId], nowMs: gatewayNow() });
  const group = seen?.kind === 'laned' ? seen.group : null;
  const { destinationId } = connection;
  const want: PacedWant = { eventId, group, queued: true };
  for (;;) {
    const limits = limitsNow({ configuration }, destinationId);
    const order = { destinationId, limits, wants: [want], most: 1 };
    const [answer] = await traffic.pacer.reserve(order);
    if (answer?.kind === 'slot') return { want, answer };
    if (answer?.kind !== 'wait') {
      await Promise.race([sleep(BUSY_LOOK_MS), traffic.pacer.released(destinationId)]);
    } else if (answer.inMs > NEAR_MS) return { want, answer };
    else await sleep(Math.min(LOOK_AGAIN_MS, Math.max(5, answer.inMs - 20)));
  }
}
