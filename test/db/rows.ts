import { randomBytes } from 'node:crypto';
import sql from 'sql-template-tag';
import { eventId, newId } from '../../src/db/ids.ts';
import { claimRequests, type Claim, type Lane } from '../../src/db/outbox.ts';
import type { Database } from '../../src/db/pool.ts';
import { ensureDefaultProject } from '../../src/db/projects.ts';
import { insertRequests, type NewRequest } from '../../src/db/requests.ts';
import { commitRouting, type NewEvent, type RoutingPlan } from '../../src/db/commit-routing.ts';
import { createSealer } from '../../src/db/sealing.ts';
import { EventStatus, RequestKind } from '../../src/domain/status.ts';

/** A source, a destination and the connection between them. */
export type Ends = {
  projectId: string;
  sourceId: string;
  destinationId: string;
  connectionId: string;
};

export const ALL_SOURCES: Lane = { sources: [], serves: 'others', maxSources: 50 };

export async function makeEnds(db: Database): Promise<Ends> {
  const sealer = createSealer(randomBytes(32).toString('hex'));
  const { id: projectId } = await ensureDefaultProject(db, sealer);
  const ends = {
    projectId,
    sourceId: newId('source'),
    destinationId: newId('destination'),
    connectionId: newId('connection'),
  };
  await db.query(sql`
    insert into sources (project_id, id, name, type)
    values (${projectId}, ${ends.sourceId}, ${ends.sourceId}, 'WEBHOOK')`);
  await db.query(sql`
    insert into destinations (project_id, id, name, type, config)
    values (${projectId}, ${ends.destinationId}, ${ends.destinationId}, 'HTTP', '{"url":"http://localhost"}')`);
  await db.query(sql`
    insert into connections (project_id, id, name, source_id, destination_id)
    values (${projectId}, ${ends.connectionId}, 'c', ${ends.sourceId}, ${ends.destinationId})`);
  return ends;
}

export function newRequest(
  { projectId, sourceId }: Ends,
  more: Partial<NewRequest> = {},
): NewRequest {
  const receivedAtMs = Date.now();
  return {
    id: newId('request', receivedAtMs),
    projectId,
    sourceId,
    kind: RequestKind.Event,
    method: 'POST',
    path: '/a',
    query: '',
    headers: [['Content-Type', 'application/json']],
    body: Buffer.from('{}'),
    remoteAddress: '127.0.0.1',
    verified: null,
    rejectionCause: null,
    rejectionDetail: null,
    receivedAtMs,
    ...more,
  };
}

/** Stores requests that wait to be routed; returns their ids, the oldest first. */
export async function storeRequests(db: Database, ends: Ends, count = 1): Promise<string[]> {
  const requests = Array.from({ length: count }, () => newRequest(ends));
  await insertRequests(
    db,
    requests.map((request) => ({ request, idempotency: null, claims: [] })),
  );
  return requests.map((request) => request.id);
}

export function claim(
  db: Database,
  { limit = 100, claimedBy = 1, afterSourceId = '', lane = ALL_SOURCES } = {},
): Promise<Claim> {
  const dispatchId = newId('dispatch');
  return claimRequests(db, { dispatchId, claimedBy, afterSourceId, limit, lane });
}

/** A plan that makes one event of each request. */
export function planOf(
  dispatchId: string,
  { requestIds, ends }: { requestIds: string[]; ends: Ends },
): RoutingPlan {
  const createdAtMs = Date.now();
  const events = requestIds.map((requestId): NewEvent => ({
    ...ends,
    id: eventId(requestId, ends.connectionId),
    requestId,
    status: EventStatus.Queued,
    deliveryGroup: null,
    laneKey: null,
    hasPayload: false,
    nextAttemptAtMs: null,
    shutGate: null,
    createdAtMs,
  }));
  const verdicts = requestIds.map((requestId) => ({ requestId, rejectionCause: null }));
  return { dispatchId, verdicts, events, ignored: [] };
}

/** Requests that have been taken in, claimed and routed; returns the ids of their events. */
export async function makeEvents(db: Database, ends: Ends, count = 1): Promise<string[]> {
  await storeRequests(db, ends, count);
  const { dispatchId, requestIds } = await claim(db, { limit: count });
  const made = await commitRouting(db, planOf(dispatchId, { requestIds, ends }));
  return made.map((event) => event.id).toSorted();
}

export async function rowOf(db: Database, eventId_: string): Promise<Record<string, unknown>> {
  const { rows } = await db.query<Record<string, unknown>>(
    sql`select * from events where id = ${eventId_}`,
  );
  return rows[0]!;
}
