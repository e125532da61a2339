import { setTimeout as sleep } from 'node:timers/promises';
import { ParkReason } from '../domain/control.ts';
import type { AttemptOrder } from '../domain/delivery.ts';
import { limitsOf, type Limits } from '../domain/limits.ts';
import type { BegunAttempt } from '../db/attempts.ts';
import { gatewayNow } from '../db/clock.ts';
import { lookAtEvents } from '../db/look.ts';
import { parkEvents } from '../db/parked.ts';
import { begin, passOver, withdraw, type Open } from './beginning.ts';
import type { DeliveryDependencies } from './delivery.ts';
import { createLandings, type Landings } from './landings.ts';
import type { PacedSlot, PacedWant } from './pacer.ts';
import { waitForTurn } from './turn.ts';

type Order = AttemptOrder & { workflowId: string };
/** `limits`: those by which times were asked for last. */
type Run = { order: Order; open: Open[]; waiting: PacedWant[]; limits: Limits };

// An activity is not for waiting: what takes longer than this is for a durable timer.
const NEAR_MS = 2_000;
const AT_WORK_MS = 20_000;
const BUSY_LOOK_MS = 250;
const POLICY_LOOK_MS = 500;
// At an even pace places become free one by one.
const TOGETHER = 16;
// Who wakes a little early is there when its turn comes.
const EARLY_MS = 300;
// A sleeper that a changed policy would have to wake says so in a row.
const LONG_MS = 3_000;

/** Attempts events as their destination's delivery policy allows; what has to wait longer comes back with its time. */
export async function deliverPaced(
  deps: DeliveryDependencies,
  { order, place }: { order: Order; place: string | null },
): Promise<Open[]> {
  const { db, enterLane } = deps;
  const looks = await lookAtEvents(db, { eventIds: order.eventIds, nowMs: gatewayNow() });
  const others = looks.filter((look) => look.kind !== 'ready');
  const { workflowId } = order;
  const open = await passOver(db, { others, workflowId, parks: true, enterLane });
  const queued = order.parked === true;
  const waiting = looks
    .filter((look) => look.kind === 'ready')
    .map(({ eventId, group }): PacedWant => ({ eventId, group, queued }));
  const limits = limitsNow(deps, order.destinationId);
  const run: Run = { order, open, waiting, limits };
  if (waiting.length > 0) await work(deps, run);
  return [...run.open, ...(await waitLonger(deps, { run, place }))];
}

/** What is allowed now: a policy may change, or be taken away, while events wait for their turn. */
export function limitsNow(
  { configuration }: Pick<DeliveryDependencies, 'configuration'>,
  destinationId: string,
): Limits {
  return limitsOf(configuration.destination(destinationId)?.config.delivery_policy);
}

async function work(deps: DeliveryDependencies, run: Run): Promise<void> {
  const landings = createLandings();
  // What is on its way is waited for, also when something fails meanwhile.
  try {
    do await launchAll(deps, { run, landings });
    while (await changesMeanwhile(deps, { run, landings }));
  } finally {
    await landings.all();
  }
  landings.check();
}

/** Waits for what is on its way; true as soon as the policy changes, so that the others need not wait for that. */
async function changesMeanwhile(
  deps: DeliveryDependencies,
  { run, landings }: { run: Run; landings: Landings },
): Promise<boolean> {
  const landed = landings.all().then(() => true);
  while (run.waiting.length > 0 && !landings.failed()) {
    if (limitsNow(deps, run.order.destinationId) !== run.limits) return true;
    if (await Promise.race([landed, sleep(POLICY_LOOK_MS, false)])) return false;
  }
  return false;
}

/** Reserves, begins, sends, as long as something can leave soon. */
async function launchAll(
  deps: DeliveryDependencies,
  { run, landings }: { run: Run; landings: Landings },
): Promise<void> {
  const { traffic } = deps;
  const { destinationId } = run.order;
  const until = gatewayNow() + AT_WORK_MS;
  for (let flights = 0; run.waiting.length > 0 && gatewayNow() < until && !landings.failed();) {
    if (traffic.circuits.state(destinationId).open && flights > 0) break;
    const wanted = Math.min(run.waiting.length, traffic.bodySizes.most(destinationId));
    const most = await traffic.places.take(destinationId, wanted, TOGETHER);
    const { waiting: wants } = run;
    const limits = (run.limits = limitsNow(deps, destinationId));
    const answers = await traffic.pacer
      .reserve({ destinationId, limits, wants, most })
      .catch((error: unknown) => {
        traffic.places.give(destinationId, most);
        throw error;
      });
    const slots = new Map<string, PacedSlot>();
    wants.forEach(({ eventId }, i) => {
      const answer = answers[i]!;
      if (answer.kind === 'slot') slots.set(eventId, answer);
    });
    traffic.places.give(destinationId, most - slots.size);
    if (slots.size > 0) {
      const taken = wants.filter((want) => slots.has(want.eventId));
      run.waiting = wants.filter((want) => !slots.has(want.eventId));
      landings.add(sendAll(deps, { run, taken, slots }));
      flights++;
      continue;
    }
    const waitMs = Math.min(
      ...answers.map((answer) => (answer.kind === 'wait' ? answer.inMs : BUSY_LOOK_MS)),
    );
    if (waitMs > NEAR_MS) break;
    const moment = sleep(Math.max(5, waitMs - 20));
    // Only where open requests are limited does one that ends make room.
    const busy = answers.some((answer) => answer.kind === 'busy');
    await (busy ? Promise.race([moment, traffic.pacer.released(destinationId)]) : moment);
  }
}

async function sendAll(
  deps: DeliveryDependencies,
  { run, taken, slots }: { run: Run; taken: PacedWant[]; slots: Map<string, PacedSlot> },
): Promise<void> {
  const { db, enterLane, traffic } = deps;
  const { destinationId, workflowId } = run.order;
  const eventIds = taken.map((want) => want.eventId);
  const found = await begin(deps, { eventIds, workflowId }).catch(async (error: unknown) => {
    traffic.places.give(destinationId, eventIds.length);
    await traffic.pacer.release(destinationId, eventIds);
    throw error;
  });
  const bodies = found.begun.map((attempt) => attempt.body);
  traffic.bodySizes.record(destinationId, bodies);
  const begun = new Map(found.begun.map((attempt) => [attempt.eventId, attempt]));
  const unused = eventIds.filter((id) => !begun.has(id));
  traffic.places.give(destinationId, unused.length);
  const landings = createLandings();
  for (const want of taken) {
    const attempt = begun.get(want.eventId);
    if (!attempt) continue;
    const slot = slots.get(want.eventId)!;
    landings.add(sendInPlace(deps, { run, want, attempt, slot }));
  }
  landings.add(traffic.pacer.release(destinationId, unused));
  const { others } = found;
  if (others.length > 0) {
    const passed = passOver(db, { others, workflowId, parks: true, enterLane });
    landings.add(passed.then((open) => void run.open.push(...open)));
  }
  await landings.all();
  landings.check();
}

type Sending = { run: Run; want: PacedWant; attempt: BegunAttempt; slot: PacedSlot };

async function sendInPlace(deps: DeliveryDependencies, sending: Sending): Promise<void> {
  const { destinationId } = sending.run.order;
  try {
    await sendOne(deps, sending);
  } finally {
    deps.traffic.places.give(destinationId, 1);
    await deps.traffic.pacer.release(destinationId, [sending.want.eventId]);
  }
}

async function sendOne(
  deps: DeliveryDependencies,
  { run, want, attempt, slot }: Sending,
): Promise<void> {
  const { destinationId } = run.order;
  if (!(await comesToSend(deps, { destinationId, want, attempt, slot }))) {
    run.waiting.push({ ...want, queued: true });
    return;
  }
  const dueAtMs = await deps.attemptOnce(attempt, destinationId);
  if (dueAtMs !== null) run.open.push({ eventId: want.eventId, dueAtMs });
}

export type Timed = {
  destinationId: string;
  want: PacedWant;
  attempt: BegunAttempt;
  slot: PacedSlot;
};

/**
 * Waits for the time of an attempt. One that missed it asks for another: what comes late would come too close to the
 * next. Where no other comes soon the attempt is taken back, and the answer is false.
 */
export async function comesToSend(
  deps: Omit<DeliveryDependencies, 'enterLane'>,
  { attempt, ...timed }: Timed,
): Promise<boolean> {
  let slot: PacedSlot | null = timed.slot;
  try {
    while (slot && !(await isInTime(slot))) slot = await anotherSlot(deps, timed);
  } catch (error) {
    await withdraw(deps, [attempt]);
    throw error;
  }
  if (!slot) await withdraw(deps, [attempt]);
  return slot !== null;
}

/** Waits for a slot's time; whether it was met. */
async function isInTime({ atMs, lateMs }: PacedSlot): Promise<boolean> {
  if (lateMs === null) return true;
  const leftMs = atMs - performance.now();
  if (leftMs > 0) await sleep(leftMs);
  return performance.now() - atMs <= lateMs;
}

async function anotherSlot(
  deps: Omit<DeliveryDependencies, 'enterLane'>,
  { destinationId, want }: Pick<Timed, 'destinationId' | 'want'>,
): Promise<PacedSlot | null> {
  const wants = [{ ...want, queued: true, leased: true }];
  for (;;) {
    const order = { destinationId, limits: limitsNow(deps, destinationId), wants, most: 1 };
    const [answer] = await deps.traffic.pacer.reserve(order);
    if (answer?.kind === 'slot') return answer;
    if (answer?.kind !== 'wait' || answer.inMs > NEAR_MS) return null;
    await sleep(Math.max(5, answer.inMs - 20));
  }
}

/** What is left gets a place in line and its time, or waits until requests that are open are over. */
async function waitLonger(
  deps: DeliveryDependencies,
  { run, place }: { run: Run; place: string | null },
): Promise<Open[]> {
  const { order, waiting: wants } = run;
  if (wants.length === 0) return [];
  const { workflowId, destinationId } = order;
  const limits = limitsNow(deps, destinationId);
  const eventIds = wants.map((want) => want.eventId);
  const paced = wants.some(
    ({ group }) => limits.whole.pace ?? (group === null ? null : limits.ofGroup(group).pace),
  );
  if (!paced || deps.traffic.circuits.state(destinationId).open) {
    return waitForTurn(deps, { ...order, eventIds, place });
  }
  const turnsInMs = await deps.traffic.pacer.lineUp({ destinationId, limits, wants });
  const nowMs = gatewayNow();
  const longest = Math.max(...turnsInMs);
  if (longest > LONG_MS) {
    const reason = ParkReason.Pace;
    await parkEvents(deps.db, { workflowId, gateId: destinationId, reason, eventIds, place: null });
  }
  return wants.map(({ eventId }, i) => {
    const inMs = Math.max(0, turnsInMs[i]! - EARLY_MS);
    return { eventId, dueAtMs: nowMs + inMs, parked: true };
  });
}
