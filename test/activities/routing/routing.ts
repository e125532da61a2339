import sql from 'sql-template-tag';
import { afterAll } from 'vitest';
import { createDestinationPace } from '../../../src/activities/destination-pace.ts';
import { createRoutingActivities } from '../../../src/activities/routing.ts';
import { openConfiguration } from '../../../src/db/configuration-cache.ts';
import { insertConnection, updateConnection } from '../../../src/db/connections.ts';
import { destinations } from '../../../src/db/destinations.ts';
import { newId } from '../../../src/db/ids.ts';
import { ensureDefaultProject } from '../../../src/db/projects.ts';
import { insertRequests, type LaterClaim, type OnceKey } from '../../../src/db/requests.ts';
import { createSealer } from '../../../src/db/sealing.ts';
import { sources } from '../../../src/db/sources.ts';
import {
  findTransformation,
  insertTransformation,
  updateTransformation,
} from '../../../src/db/transformations.ts';
import type { RoutingDependencies } from '../../../src/activities/routing/route-requests.ts';
import type { Routing } from '../../../src/domain/delivery.ts';
import type { Rule } from '../../../src/domain/schema/rule.ts';
import type { Isolation } from '../../../src/domain/schema/transformation.ts';
import { createSandboxPool } from '../../../src/sandbox/pool.ts';
import { testDatabase } from '../../support/postgres.ts';

export type Arriving = {
  path?: string;
  query?: string;
  headers?: [string, string][];
  body?: string | Buffer;
  /** What it claims when it is routed. */
  claims?: LaterClaim[];
  /** What it claims when it is stored. */
  key?: OnceKey;
};
export type Defined = { sourceId: string; destinationId: string; connectionId: string };
export type EventRow = {
  id: string;
  status: string;
  has_payload: boolean;
  next_attempt_at: Date | null;
  connection_id: string;
};
export type ExecutionRow = {
  id: string;
  outcome: string;
  log_level: string;
  logs: { type: string; message: string }[];
  input: string | null;
  output: string | null;
  message: string | null;
  line: number | null;
  duration_ms: number;
  version: number;
};

const SEALER = createSealer('a secret of the routing tests');
export const JSON_HEADERS: [string, string][] = [['Content-Type', 'application/json']];

/** The code of a handler whose body this is. */
export const handler = (body: string) =>
  `addHandler('transform', (request, context) => {\n${body}\n});`;

/** Routing over a real database and a real sandbox, for all tests of the file. */
export async function startRouting({ children = 1 }: { children?: number } = {}) {
  const database = await testDatabase();
  const { db, url } = database;
  const project = await ensureDefaultProject(db, SEALER);
  const projectId = project.id;
  const configuration = await openConfiguration({
    database: db,
    url,
    sealer: SEALER,
    onError: (error) => console.error(error),
  });
  const sandbox = createSandboxPool({ children, log: { info() {}, warn() {} } });
  const routed: string[] = [];
  const worker = (own: Partial<RoutingDependencies> = {}) =>
    createRoutingActivities({
      db,
      configuration,
      pace: createDestinationPace(),
      line: {
        mustWait: () => false,
        join: () => Promise.resolve(),
      },
      sandbox,
      maxBatch: 200,
      log: { info() {}, error() {} },
      onRouted: (dispatchId) => routed.push(dispatchId),
      ...own,
    });
  const own = worker();
  afterAll(async () => {
    await sandbox.close();
    await configuration.close();
    await database.drop();
  });
  let names = 0;
  const query = async <Row extends object>(statement: ReturnType<typeof sql>) =>
    (await db.query<Row & Record<string, never>>(statement)).rows as Row[];

  const self = {
    db,
    projectId,
    configuration,
    sandbox,
    routed,
    worker,

    /** A source and a destination of its own, and the connection between them. */
    async define(rules: Rule[] = [], at: Partial<Defined> = {}): Promise<Defined> {
      const name = `n${++names}`;
      const row = { projectId, name, description: null, config: {}, auth: null };
      const sourceId = at.sourceId ?? newId('source');
      if (!at.sourceId) await sources.insert(db, { ...row, id: sourceId, type: 'WEBHOOK' });
      const destinationId = newId('destination');
      const config = { url: 'http://127.0.0.1:9' };
      await destinations.insert(db, { ...row, id: destinationId, type: 'HTTP', config });
      const connectionId = newId('connection');
      const ends = { sourceId, destinationId };
      await insertConnection(db, { ...row, ...ends, id: connectionId, rules });
      await configuration.refresh();
      return { ...ends, connectionId };
    },

    async setRules(id: string, rules: Rule[]): Promise<void> {
      await updateConnection(db, { id, name: null, description: null, rules });
      await configuration.refresh();
    },

    /** A transformation, as the rule that names it. */
    async code(code: string, env: Record<string, string> = {}, isolation: Isolation = 'strict') {
      const id = newId('transformation');
      const sealed = SEALER.seal(env, `${projectId}/transformations/${id}`);
      const content = { name: `t${++names}`, code, env: sealed, isolation };
      await insertTransformation(db, { projectId, id, by: 'apk_test', ...content });
      await configuration.refresh();
      return { type: 'transform' as const, transformation_id: id };
    },

    async setCode({ transformation_id: id }: { transformation_id: string }, code: string) {
      const before = (await findTransformation(db, { projectId, id }))!;
      await updateTransformation(db, { ...before, code, by: 'apk_test', isNewVersion: true });
      await configuration.refresh();
    },

    /** Puts requests into the outbox, as ingest does. */
    async arrive(sourceId: string, ...arriving: Arriving[]): Promise<string[]> {
      const requests = arriving.map((given) => ({
        id: newId('request'),
        projectId,
        sourceId,
        kind: 'event' as const,
        method: 'POST',
        path: given.path ?? '/',
        query: given.query ?? '',
        headers: given.headers ?? JSON_HEADERS,
        body: Buffer.from(given.body ?? '{}'),
        remoteAddress: null,
        verified: false,
        rejectionCause: null,
        rejectionDetail: null,
        receivedAtMs: Date.now(),
      }));
      const stored = await insertRequests(
        db,
        requests.map((request, i) => ({
          request,
          idempotency: arriving[i]!.key ?? null,
          claims: arriving[i]!.claims ?? [],
        })),
      );
      return stored.map(({ requestId }) => requestId);
    },

    /** Claims requests for one dispatch, as the dispatcher does. */
    async claim(requestIds: string[]): Promise<string> {
      const dispatchId = newId('dispatch');
      await db.query(
        sql`update outbox set dispatch_id = ${dispatchId}, claimed_by = 1, claimed_at = now() where request_id = any(${requestIds})`,
      );
      return dispatchId;
    },

    /** Routes requests to the end, as the workflow does; returns what each step returned. */
    async route(requestIds: string[], activities = own): Promise<Routing[]> {
      const dispatchId = await self.claim(requestIds);
      const steps: Routing[] = [];
      for (let left = requestIds; left.length > 0; left = steps.at(-1)!.remaining) {
        steps.push(await activities.routeRequests({ dispatchId, requestIds: left }));
      }
      return steps;
    },

    /** Takes one request through a connection of its own. */
    async take(rules: Rule[], arriving: Arriving = {}) {
      const defined = await self.define(rules);
      const [requestId] = await self.arrive(defined.sourceId, arriving);
      await self.route([requestId!]);
      return { ...defined, requestId: requestId!, ...(await self.made(requestId!)) };
    },

    async made(requestId: string) {
      return { events: await self.eventsOf(requestId), ignored: await self.ignoredOf(requestId) };
    },

    eventsOf: (requestId: string) =>
      query<EventRow>(sql`select * from events where request_id = ${requestId} order by id`),

    ignoredOf: (requestId: string) =>
      query<{ cause: string; meta: unknown; connection_id: string }>(
        sql`select cause, meta, connection_id from ignored_events where request_id = ${requestId} order by connection_id`,
      ),

    /** What the filters of a request's connections did not match. */
    async mismatchesOf(requestId: string) {
      const rows = await query<{ mismatches: unknown[] | null }>(
        sql`select mismatches from ignored_events where request_id = ${requestId} order by connection_id`,
      );
      return rows.flatMap((row) => row.mismatches ?? []);
    },

    async payloadOf(eventId: string) {
      const rows = await query<{
        path: string;
        query: string;
        headers: [string, string][];
        body: Buffer;
      }>(sql`select * from event_payloads where event_id = ${eventId}`);
      return rows[0]!;
    },

    executionsOf: (requestId: string) =>
      query<ExecutionRow>(
        sql`select * from transformation_executions where request_id = ${requestId} order by created_at, id`,
      ),

    async counts(requestId: string) {
      const [row] = await query<{ events_count: number; ignored_count: number }>(
        sql`select events_count, ignored_count from requests where id = ${requestId}`,
      );
      return row!;
    },
  };
  return self;
}
