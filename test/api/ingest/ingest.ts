import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import sql from 'sql-template-tag';
import { createDestinationPace } from '../../../src/activities/destination-pace.ts';
import { createRoutingActivities } from '../../../src/activities/routing.ts';
import { createAuthenticate, projectOf } from '../../../src/api/auth.ts';
import { createTrust } from '../../../src/api/edge/addresses.ts';
import { createFront } from '../../../src/api/edge/front.ts';
import { createHttpServer } from '../../../src/api/edge/server.ts';
import { createBodyBudget, DEFAULT_BUDGET } from '../../../src/api/ingest/body-budget.ts';
import { createIngest } from '../../../src/api/ingest/handler.ts';
import type { IngestOptions } from '../../../src/api/ingest/options.ts';
import { createRejectedBodies } from '../../../src/api/ingest/rejected-bodies.ts';
import { createRequestStore } from '../../../src/api/ingest/store.ts';
import { ensureFirstKey } from '../../../src/db/api-keys.ts';
import { openConfiguration } from '../../../src/db/configuration-cache.ts';
import { insertConnection } from '../../../src/db/connections.ts';
import { destinations } from '../../../src/db/destinations.ts';
import { newId } from '../../../src/db/ids.ts';
import type { Rule } from '../../../src/domain/schema/rule.ts';
import { ensureDefaultProject } from '../../../src/db/projects.ts';
import type { RequestRow } from '../../../src/db/request-reads.ts';
import { createSealer } from '../../../src/db/sealing.ts';
import { keepSourceSecret } from '../../../src/db/source-secrets.ts';
import { sources } from '../../../src/db/sources.ts';
import { listSourcesOfType } from '../../../src/db/sources-of-type.ts';
import { noteHandshake } from '../../../src/db/verdicts.ts';
import { createLog } from '../../../src/log.ts';
import type { SandboxPool } from '../../../src/sandbox/pool.ts';
import type { SourceType } from '../../../src/verification/source-types.ts';
import { refused, VerificationReason } from '../../../src/verification/verdict.ts';
import type { Keys } from '../../../src/verification/verifier.ts';
import { testDatabase } from '../../support/postgres.ts';

export type Sent = { status: number; headers: Headers; text: string };
export type Send = {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
};
export const KEPT_BODY_BYTES = 65_536;

export type Kept = RequestRow & {
  rejection_detail: { reason: string; hint: string | null } | null;
};
export type Ingest = Awaited<ReturnType<typeof startIngest>>;
type Edge = { trustedProxies: string[]; proxyProtocol: boolean; maxConnections: number };
type SourceOptions = { auth?: object; config?: object; name?: string };

export const API_KEY = 'a-key-of-the-tests';
/** What providers take the gateway's address for. */
export const PUBLIC_URL = 'https://hooks.example.com';
const MAX_BODY_BYTES = 1_048_576 * 2;

/** Keys that nobody asks for. */
export const NO_KEYS: Keys = {
  certificate: () => Promise.resolve(refused(VerificationReason.KEY_UNAVAILABLE)),
  json: () => Promise.resolve(refused(VerificationReason.KEY_UNAVAILABLE)),
};

/** Ingest on a real server over a real database; the outside world is what the test makes of it. */
export async function startIngest(changes: Partial<IngestOptions> & Partial<Edge> = {}) {
  const {
    trustedProxies = [],
    proxyProtocol = false,
    maxConnections = 1_000,
    ...options
  } = changes;
  const budget = options.budget ?? createBodyBudget(DEFAULT_BUDGET);
  const database = await testDatabase();
  const { db } = database;
  const sealer = createSealer('a secret of the tests');
  const project = await ensureDefaultProject(db, sealer);
  await ensureFirstKey(db, { projectId: project.id, key: API_KEY });
  const { url } = database;
  const configuration = await openConfiguration({ database: db, url, sealer, onError() {} });
  const store = createRequestStore(db, () => {});
  const authenticate = createAuthenticate(db);
  const logged: Record<string, unknown>[] = [];
  const log = createLog({ level: 'silent', name: 'test' });
  log.info = (fields: object, message?: string) => void logged.push({ ...fields, message });
  const ingest = createIngest({
    configuration,
    store,
    authenticate: projectOf(authenticate),
    keys: NO_KEYS,
    confirm: () => Promise.resolve(false),
    async keepSecret({ id: sourceId }, secret) {
      await keepSourceSecret(db, { sealer, sourceId, ...secret });
      await configuration.refresh();
    },
    noteHandshake: (note) => noteHandshake(db, note),
    sourcesOfType: (type) => listSourcesOfType(db, type),
    publicUrl: PUBLIC_URL,
    maxBodyBytes: MAX_BODY_BYTES,
    rejectedBodies: createRejectedBodies({ maxBytes: KEPT_BODY_BYTES }),
    log,
    ...options,
    budget,
  });
  const routing = createRoutingActivities({
    db,
    configuration,
    log,
    maxBatch: 200,
    pace: createDestinationPace(),
    onRouted() {},
    line: { mustWait: () => false, join: () => Promise.resolve() },
    // No code runs.
    sandbox: {} as SandboxPool,
  });
  const trust = createTrust(trustedProxies);
  const server = createHttpServer({ maxConnections, trust, proxyProtocol });
  const front = { trust, publicUrl: PUBLIC_URL, host: '127.0.0.1', allowedHosts: [] };
  server.on(
    'request',
    createFront(front, { ingest, api: (_req, res) => res.writeHead(404).end('no admin API') }),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function send(path: string, { method = 'POST', headers = {}, body }: Send = {}) {
    const response = await fetch(`${origin}${path}`, { method, headers, ...(body && { body }) });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
  const rowsOf = async (sourceId: string): Promise<Kept[]> =>
    (await db.query<Kept>(sql`select * from requests where source_id = ${sourceId} order by id`))
      .rows;

  return {
    db,
    databaseUrl: url,
    server,
    budget,
    origin,
    port: (server.address() as AddressInfo).port,
    sealer,
    configuration,
    store,
    logged,
    send,
    rowsOf,
    projectId: project.id,
    /** Makes a source and returns its id, which is where it takes requests. */
    async source(
      type: SourceType,
      { auth, config = {}, name }: SourceOptions = {},
    ): Promise<string> {
      const id = newId('source');
      await sources.insert(db, {
        projectId: project.id,
        id,
        name: name ?? id,
        description: null,
        type,
        config,
        auth: auth ? sealer.seal(auth, `${project.id}/sources/${id}`) : null,
      });
      await configuration.refresh();
      return id;
    },
    /** Sends, and returns the answer with the one row that was kept of it. */
    async sendTo(sourceId: string, request: Send & { path?: string } = {}) {
      const before = new Set((await rowsOf(sourceId)).map((row) => row.id));
      const answer = await send(`/in/${sourceId}${request.path ?? ''}`, request);
      const kept = (await rowsOf(sourceId)).filter((row) => !before.has(row.id));
      return { ...answer, kept };
    },
    /** Which of a source's requests wait to be routed. */
    async waiting(sourceId: string): Promise<string[]> {
      const { rows } = await db.query<{ request_id: string }>(
        sql`select request_id from outbox where source_id = ${sourceId} order by request_id`,
      );
      return rows.map((row) => row.request_id);
    },
    /** Connects a source to a destination of its own, which takes what the rules let through; once. */
    async connect(sourceId: string, rules: Rule[] = []): Promise<void> {
      if (configuration.connectionsOf(sourceId).length > 0) return;
      const row = { projectId: project.id, name: sourceId, description: null };
      const destinationId = newId('destination');
      const http = { type: 'HTTP', config: { url: 'http://127.0.0.1:9' }, auth: null };
      await destinations.insert(db, { ...row, ...http, id: destinationId });
      const ends = { sourceId, destinationId };
      await insertConnection(db, { ...row, ...ends, id: newId('connection'), rules });
      await configuration.refresh();
    },
    /** Routes what waits of a source, in several dispatches at once, to a destination. Returns all of the source's requests. */
    async routed(sourceId: string, { connected = true } = {}): Promise<Kept[]> {
      if (connected) await this.connect(sourceId);
      // Those that repeat one of another dispatch are looked at again when that one is routed.
      for (let ids = await this.waiting(sourceId); ids.length > 0;) {
        const groups = Map.groupBy(ids, (id) => id.charCodeAt(id.length - 1) % 4);
        await Promise.all(
          [...groups.values()].map(async (requestIds) => {
            const dispatchId = newId('dispatch');
            await db.query(
              sql`update outbox set dispatch_id = ${dispatchId}, claimed_by = 1 where request_id = any(${requestIds})`,
            );
            await routing.routeRequests({ dispatchId, requestIds });
          }),
        );
        ids = await this.waiting(sourceId);
      }
      return rowsOf(sourceId);
    },
    async close() {
      budget.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await configuration.close();
      await database.drop();
    },
  };
}

/** An HMAC, as most providers sign. */
export function mac(
  text: string,
  { secret, algorithm = 'sha256', encoding = 'hex' }: MacOptions,
): string {
  return createHmac(algorithm, secret).update(text).digest(encoding);
}
type MacOptions = {
  secret: string | Buffer;
  algorithm?: string;
  encoding?: 'hex' | 'base64';
};

export function seconds(): string {
  return String(Math.floor(Date.now() / 1000));
}
