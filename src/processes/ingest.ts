import type { RequestListener } from 'node:http';
import { projectOf, type Authenticate } from '../api/auth.ts';
import { createBodyBudget, type BodyBudget } from '../api/ingest/body-budget.ts';
import { createRejectedBodies } from '../api/ingest/rejected-bodies.ts';
import { createIngest } from '../api/ingest/handler.ts';
import type { RequestStore } from '../api/ingest/store.ts';
import { keepSourceSecret } from '../db/source-secrets.ts';
import { listSourcesOfType } from '../db/sources-of-type.ts';
import { noteHandshake } from '../db/verdicts.ts';
import type { Metrics } from '../metrics.ts';
import type { Foundation } from './foundation.ts';
import type { VerificationNetwork } from './verification.ts';

const MIB = 1024 * 1024;
const MAX_BODY_BYTES = 10 * MIB;

/** What bodies that come in may take of this process's memory, as the configuration has it. */
export function openBudget(config: Foundation['config']): BodyBudget {
  return createBodyBudget({
    bytes: config.ingestMemoryMib * MIB,
    perAddressBytes: config.ingestMemoryPerAddressMib * MIB,
    leastBytesPerSecond: config.bodyMinBytesPerSecond,
  });
}

type IngestParts = {
  url: string;
  store: RequestStore;
  authenticate: Authenticate;
  network: VerificationNetwork;
  budget: BodyBudget;
  metrics: Pick<Metrics, 'answered' | 'rejected'>;
};

/** Ingest, each of its answers counted and timed. */
export function openIngest(
  { config, db, sealer, log, configuration }: Foundation,
  { url, store, authenticate, network, budget, metrics }: IngestParts,
): RequestListener {
  const ingest = createIngest({
    configuration,
    store,
    authenticate: projectOf(authenticate),
    keys: network.keys,
    confirm: network.confirm,
    async keepSecret({ id: sourceId }, secret) {
      const isKept = await keepSourceSecret(db, { sealer, sourceId, ...secret });
      // The provider's next request may come at once, and must be verified with it.
      if (isKept) await configuration.refresh();
      else
        log.warn(
          { source: sourceId },
          'A handshake offered a secret to a source that has one or is not being set up',
        );
    },
    noteHandshake: (note) => noteHandshake(db, note),
    sourcesOfType: (type) => listSourcesOfType(db, type),
    publicUrl: config.publicUrl ?? url,
    isPublicUrlSet: config.publicUrl !== undefined,
    maxBodyBytes: MAX_BODY_BYTES,
    rejectedBodies: createRejectedBodies({
      maxBytes: config.rejectedBodyKb * 1_024,
      onRejected: metrics.rejected,
    }),
    budget,
    log,
  });
  return (req, res) => {
    const beganAt = performance.now();
    res.once('finish', () => {
      metrics.answered({
        status: res.statusCode,
        seconds: (performance.now() - beganAt) / 1_000,
      });
    });
    ingest(req, res);
  };
}
