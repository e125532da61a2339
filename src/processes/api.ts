import { createAuthenticate } from '../api/auth.ts';
import { createFront } from '../api/edge/front.ts';
import { createPayloadWriter } from '../api/payload-writer.ts';
import { createApi } from '../api/server.ts';
import { createCommands } from '../commands.ts';
import { readBacklog } from '../db/backlog.ts';
import { announceWork } from '../db/outbox-session.ts';
import { pingDatabase } from '../db/pool.ts';
import { createMetrics } from '../metrics.ts';
import { isReachable } from '../temporal/connection.ts';
import { sourceTypeNames } from '../verification/source-types.ts';
import type { Foundation } from './foundation.ts';
import { openGaugedStore } from './gauged-store.ts';
import { openGuard } from './guard.ts';
import { healthNotes } from './health-notes.ts';
import { openBudget, openIngest } from './ingest.ts';
import { listen } from './listen.ts';
import { announceListener } from './own-listeners.ts';
import { openSandbox } from './sandbox.ts';
import { openVerificationNetwork, validateSource } from './verification.ts';

/** Ingest and admin API on one port. */
export type ApiProcess = { url: string; stop(): Promise<void> };

// People save and try code one at a time.
const CHILDREN = 1;

/** `wake` tells a dispatcher in this process that something waits; without it all dispatchers are told through PostgreSQL. */
export async function startApiProcess(
  foundation: Foundation,
  { wake }: { wake?: () => void } = {},
): Promise<ApiProcess> {
  const { config, db } = foundation;
  const announce = wake ?? announcer(foundation);
  const store = openGaugedStore(foundation, announce);
  const network = openVerificationNetwork(foundation);
  const authenticate = createAuthenticate(db);
  const { server, url, trust, stop: close } = await listen(config);
  const announced = await announceListener(foundation, server);
  const metrics = createMetrics(() => readBacklog(db));
  const payloads = createPayloadWriter();
  const sandbox = openSandbox(foundation, { children: CHILDREN });
  const app = createApi({
    ...apiDeps(foundation, { announce, url }),
    authenticate,
    sandbox,
    payloads,
    metrics: metrics.text,
  });
  const budget = openBudget(config);
  const ingest = openIngest(foundation, { url, store, authenticate, network, budget, metrics });
  const publicUrl = config.publicUrl ?? url;
  const { host, allowedHosts = [] } = config;
  const front = { trust, publicUrl, host, allowedHosts };
  server.on('request', createFront(front, { api: app, ingest }));
  return {
    url,
    async stop() {
      await Promise.all([close(), announced.close()]);
      budget.close();
      await store.idle();
      await Promise.all([sandbox.close(), payloads.close()]);
      await network.close();
    },
  };
}

function apiDeps(foundation: Foundation, { announce, url }: { announce: () => void; url: string }) {
  const { config, db, sealer, log, platform, configuration, temporal, workflows } = foundation;
  const guard = openGuard(foundation);
  return {
    db,
    sealer,
    log,
    commands: createCommands({
      db,
      configuration,
      workflows,
      log,
      announce,
      temporalAnswers: () => isReachable(temporal),
    }),
    publicUrl: config.publicUrl ?? url,
    temporalUiUrl: platform.temporalUiUrl ?? '',
    namespace: config.temporalNamespace,
    retentionDays: config.retentionDays,
    sourceTypes: sourceTypeNames,
    validateSourceConfig: validateSource,
    checkUrl(destination: string) {
      const verdict = guard.checkUrl(destination);
      return Promise.resolve(verdict.allowed ? null : verdict.message);
    },
    notes: () => healthNotes(db),
    ready: {
      postgresql: () => pingDatabase(db),
      async temporal() {
        if (!(await isReachable(temporal))) throw new Error('Temporal does not answer');
      },
    },
  };
}

/** At most one announcement under way, and one more behind it: the dispatchers look into the outbox anyway. */
function announcer({ pipeline, log }: Foundation): () => void {
  let running = false;
  let again = false;
  return function announce(): void {
    if (running) {
      again = true;
      return;
    }
    running = true;
    announceWork(pipeline)
      .catch((error: unknown) =>
        log.warn({ error }, 'Could not notify dispatchers of new requests'),
      )
      .finally(() => {
        running = false;
        if (again) {
          again = false;
          announce();
        }
      });
  };
}
