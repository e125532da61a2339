import { hostname } from 'node:os';
import { createAnswered } from '../activities/answered.ts';
import { createAttemptOnce } from '../activities/attempt.ts';
import { createDestinationPace } from '../activities/destination-pace.ts';
import { createRoutingActivities } from '../activities/routing.ts';
import { standingOfSource } from '../activities/routing/standing.ts';
import { createLine } from '../activities/turn.ts';
import { createVerificationActivities } from '../activities/verification.ts';
import { gatewayNow } from '../db/clock.ts';
import { createTokenStore } from '../db/oauth-tokens.ts';
import { reclaimRequests } from '../db/outbox.ts';
import { createCredits } from '../dispatcher/credits.ts';
import { STALE_MS, startDispatcher, type Dispatcher } from '../dispatcher/dispatcher.ts';
import { sendableMs } from '../domain/retention.ts';
import { createAuthenticatedSender } from '../egress/authentication.ts';
import { createSender } from '../egress/send.ts';
import { startWorker } from '../temporal/worker.ts';
import { urlAt } from './address.ts';
import type { Foundation } from './foundation.ts';
import { startMaintenance } from './maintenance.ts';
import { openFlow } from './flow.ts';
import { openGuard } from './guard.ts';
import { openSandbox } from './sandbox.ts';
import { within } from './shutdown.ts';
import { openVerificationNetwork } from './verification.ts';

/** Dispatcher, Temporal worker and everything that leaves. */
export type WorkerProcess = { wake(): void; failed: Promise<never>; stop(): Promise<void> };

// What is on the wire may come to its end; what takes longer is sent again by the next process.
const FINISH_MS = 4_000;
const GIVE_UP_MS = 2_500;
const CLOSE_MS = 1_500;

export async function startWorkerProcess(foundation: Foundation): Promise<WorkerProcess> {
  const {
    config,
    log,
    platform,
    pipeline: db,
    configuration,
    temporal,
    workflows,
    sealer,
  } = foundation;
  const publicUrl = config.publicUrl ?? urlAt(config.host, config.port);
  const sender = createSender({
    guard: openGuard(foundation),
    closeWithinMs: CLOSE_MS / 3,
    now: gatewayNow,
  });
  const pace = createDestinationPace();
  const [requests, attempts] = [createCredits(), createCredits()];
  const flow = openFlow(foundation, attempts);
  const sandbox = openSandbox(foundation);
  const network = openVerificationNetwork(foundation);
  const attemptOnce = createAttemptOnce({
    db,
    configuration,
    sender: createAuthenticatedSender({
      sender,
      tokenStore: createTokenStore({ db, sealer }),
      now: gatewayNow,
    }),
    pace,
    circuits: flow.traffic.circuits,
    answered: createAnswered({
      db,
      circuits: flow.traffic.circuits,
      log,
      retryAfterMaxMs: config.retryAfterMaxSeconds * 1000,
    }),
    flights: flow.traffic.flights,
    log,
    eventUrl: (id) => `${publicUrl}/2026-09-01/events/${id}`,
    random: Math.random,
    sendableMs: sendableMs(config.retentionDays),
  });
  // What a process died of must not be given to this one by its workflow, which Temporal hands on at once.
  const left = await reclaimRequests(db, { staleMs: STALE_MS });
  if (left > 0) log.info({ requests: left }, 'Took over the requests of a dispatcher that ended');
  // The worker must be there before the dispatcher, and the dispatcher before anything is routed.
  let dispatcher: Dispatcher | undefined;
  const verification = createVerificationActivities({
    db,
    configuration,
    keys: network.keys,
    dispatcherId: flow.traffic.flights.holder,
    publicUrl,
    log,
    keptBodyBytes: config.rejectedBodyKb * 1_024,
    onSettled: () => dispatcher?.wake(),
  });
  const worker = await startWorker({
    temporal,
    identity: `sluice-${process.pid}@${hostname()}`,
    activities: {
      ...createRoutingActivities({
        db,
        configuration,
        pace,
        line: createLine({ db, traffic: flow.traffic, pace }),
        sandbox,
        maxBatch: config.dispatchMaxBatch,
        log,
        dispatcherId: flow.traffic.flights.holder,
        onRouted: (dispatchId) => dispatcher?.routed(dispatchId),
      }),
      verifyRequests: verification.verifyRequests,
      ...flow.activities(attemptOnce),
    },
  });
  dispatcher = await startDispatcher({
    database: db,
    databaseUrl: platform.databaseUrl,
    configuration,
    workflows,
    standingOf: (sourceId) => standingOfSource({ configuration, sandbox }, sourceId),
    log,
    credits: requests,
    onPressure() {
      requests.press();
      attempts.press();
    },
    maxBatch: config.dispatchMaxBatch,
    concurrency: config.dispatchConcurrency,
  });
  flow.traffic.flights.holdAs(dispatcher.id);
  const stopMaintenance = startMaintenance(foundation);
  flow.start();
  return {
    wake: dispatcher.wake,
    failed: worker.failed,
    async stop() {
      stopMaintenance();
      verification.close();
      flow.traffic.stop();
      attempts.close();
      const finished = worker.stop();
      const quiet = Promise.all([finished, flow.traffic.flights.idle()]);
      await Promise.all([within(FINISH_MS, dispatcher.stop()), within(FINISH_MS, quiet)]);
      flow.traffic.flights.giveUp();
      await within(GIVE_UP_MS, finished);
      const parts = [sender, sandbox, network, { close: () => flow.stop() }];
      await Promise.all(parts.map((part) => within(CLOSE_MS, part.close())));
      // Until now it showed that what this process had under way was not to be taken over.
      await within(CLOSE_MS, dispatcher.close());
    },
  };
}
