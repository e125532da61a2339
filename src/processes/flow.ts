import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createControlActivities, type ControlActivities } from '../activities/control.ts';
import {
  createDeliveryActivities,
  type AttemptOnce,
  type DeliveryActivities,
} from '../activities/delivery.ts';
import { createLaneActivities, type LaneActivities } from '../activities/lanes.ts';
import { createWakeAgain } from '../activities/lost-wakes.ts';
import type { Credits } from '../activities/limiter.ts';
import type { StartDelivery, WakeDelivery } from '../activities/pump.ts';
import { createTraffic, type Traffic } from '../activities/traffic.ts';
import { limitsOf } from '../domain/limits.ts';
import { listUncontrolled } from '../db/gates.ts';
import { listLines } from '../db/parked.ts';
import { startControls } from '../temporal/start-controls.ts';
import type { Foundation } from './foundation.ts';
import { startSweeps } from './sweeps.ts';

/** What holds deliveries back and lets them go on: pauses, paces, circuits, and the workflows that control them. */
export type Flow = {
  traffic: Traffic;
  activities(attemptOnce: AttemptOnce): ControlActivities & DeliveryActivities & LaneActivities;
  /** After the worker has begun: starts what controls the gates, now and for those that come. */
  start(): void;
  stop(): Promise<void>;
};

const LOOK_MS = 2_000;
const AT_ONCE = 20;
// A workflow costs Temporal some 30 ms: many new gates at once must not hold up deliveries.
const PAUSE_MS = 150;

/** `credits`: attempts that may be begun. */
export function openFlow(
  { pipeline: db, configuration, log, workflows, temporal }: Foundation,
  credits: Credits,
): Flow {
  const wakeDelivery: WakeDelivery = (workflowId, eventIds) =>
    workflows.wakeDelivery(workflowId, eventIds);
  const startDelivery: StartDelivery = ({ workflowId, destinationId, eventIds }) => {
    const destination = configuration.destination(destinationId);
    return workflows.startDelivery({
      workflowId,
      projectId: destination?.projectId ?? '',
      destinationId,
      destinationName: destination?.name ?? destinationId,
      waiting: [{ eventIds, dueAtMs: 0, parked: true }],
    });
  };
  const waking = { db, holder: () => traffic.flights.holder(), wakeDelivery, startDelivery };
  const pace = (gateId: string) => {
    const destinationId = configuration.connection(gateId)?.destinationId ?? gateId;
    const policy = configuration.destination(destinationId)?.config.delivery_policy;
    const whole = limitsOf(policy).whole.pace;
    return whole ? 1 / whole.intervalMs : Infinity;
  };
  const keptUntilMs = (id: string) => configuration.destination(id)?.heldUntilMs ?? null;
  const worker = `${hostname()}:${process.pid}`;
  const traffic = createTraffic({ ...waking, worker, log, credits, keptUntilMs });
  const wakeAgain = createWakeAgain({ ...waking, admission: traffic.admission });
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let sweeps: ReturnType<typeof startSweeps> | undefined;

  async function tend(): Promise<void> {
    for (;;) {
      const gates = await listUncontrolled(db, AT_ONCE);
      if (gates.length === 0 || stopped) return;
      for (const gate of gates) {
        if (stopped) return;
        await startControls({ db, workflows }, [gate]);
        await sleep(PAUSE_MS);
      }
    }
  }
  function look(): void {
    traffic.circuits.lookAgain();
    const warn = (what: string) => (error: unknown) => log.warn({ error }, what);
    void Promise.all([
      tend().catch(warn('Control workflows could not be started')),
      wakeAgain().catch(warn('What a process that is gone had woken could not be woken again')),
    ]).finally(() => {
      if (!stopped) timer = setTimeout(look, LOOK_MS);
    });
  }
  async function callLines(): Promise<void> {
    try {
      // Who made these wait may be gone, and with it what it knew.
      for (const gateId of await listLines(db)) traffic.admission.turnedAway(gateId);
    } catch (error) {
      log.warn({ error }, 'Could not wake waiting events. Trying again');
      if (!stopped) setTimeout(() => void callLines(), LOOK_MS).unref();
    }
  }

  return {
    traffic,
    activities(attemptOnce) {
      const deps = { db, configuration, attemptOnce, traffic };
      const lanes = createLaneActivities({
        ...deps,
        startLane: (connectionId) => workflows.startLane(connectionId),
        onError: (error) => log.warn({ error }, 'Could not watch ordered lanes'),
      });
      const enterLane = (connectionIds: string[]) => lanes.enterLanes({ connectionIds });
      return {
        ...createControlActivities({ ...waking, log, room: traffic.admission.room, pace }),
        ...createDeliveryActivities({ ...deps, enterLane }),
        ...lanes,
      };
    },
    start() {
      look();
      void callLines();
      sweeps = startSweeps({
        ...waking,
        workflows,
        namespace: temporal.namespace,
        log,
        room: traffic.admission.room,
        pace,
      });
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      sweeps?.stop();
      await traffic.close();
    },
  };
}
