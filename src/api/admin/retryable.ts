import { findConnections, listConnectionIds } from '../../db/connections.ts';
import { listTaking } from '../../db/event-reads.ts';
import { listIgnoring } from '../../db/ignored-event-reads.ts';
import type { Db } from '../../db/pool.ts';
import type { RequestRow } from '../../db/request-reads.ts';
import { GatewayError } from '../../domain/errors.ts';
import { RejectionCause } from '../../domain/status.ts';
import { invalid } from '../errors.ts';
import { assertTakesRequests, conflict, obstacleOfConnection } from './obstacles.ts';

// What another try cannot mend: the request itself is at fault.
const FINAL: (RejectionCause | null)[] = [
  RejectionCause.UnsupportedHttpMethod,
  RejectionCause.UnsupportedContentType,
  RejectionCause.UnparsableJson,
  RejectionCause.PayloadTooLarge,
  RejectionCause.PastRetention,
  RejectionCause.Unknown,
];

/** Throws unless a request was rejected for a reason that can be mended, or was not taken by a connection. */
export async function assertRetryable(
  db: Db,
  { row, connectionIds }: { row: RequestRow; connectionIds: string[] | undefined },
): Promise<void> {
  const data = { request_id: row.id };
  if (FINAL.includes(row.rejection_cause)) {
    // There is no body to replay.
    const isLarge = row.rejection_cause === RejectionCause.PayloadTooLarge;
    const message = `Request is not eligible for retry because it was rejected with ${row.rejection_cause}: it would be rejected again${isLarge ? '' : `. ${again(row)}`}`;
    throw new GatewayError('BAD_REQUEST', message, { data });
  }
  assertWhole(row);
  if (row.rejection_cause === null && row.ignored_count === 0) {
    const message = `Request is not eligible for retry because it was not rejected and has no ignored events. ${again(row)}`;
    throw new GatewayError('BAD_REQUEST', message, { data });
  }
  if (connectionIds) {
    await assertOwn(db, { row, connectionIds });
    await assertUntaken(db, { row, connectionIds });
  }
  await assertTaken(db, { row, connectionIds });
}

function again({ id }: RequestRow): string {
  return `To run it through the rules again: POST /requests/${id}/replay`;
}

/** Throws where a connection has taken the request already: its rules would run, and what comes out be thrown away. */
async function assertUntaken(
  db: Db,
  { row, connectionIds }: { row: RequestRow; connectionIds: string[] },
): Promise<void> {
  const ignoring = await listIgnoring(db, row.id);
  const named = connectionIds.filter((id) => !ignoring.includes(id));
  const taken = await listTaking(db, { requestId: row.id, connectionIds: named });
  if (taken.length === 0) return;
  const message = `Request is not eligible for retry because these connections have made an event of it: ${taken.join(', ')}. To send the event again: POST /events/{id}/retry. ${again(row)}`;
  throw new GatewayError('BAD_REQUEST', message, {
    data: { request_id: row.id, webhook_ids: taken },
  });
}

/** Throws a 409 where nothing could come of a retry: whatever was to take the request was deleted or is disabled. */
async function assertTaken(
  db: Db,
  { row, connectionIds }: { row: RequestRow; connectionIds: string[] | undefined },
): Promise<void> {
  const { id, project_id: projectId, source_id: sourceId } = row;
  const subject = 'The request cannot be retried';
  if (connectionIds) {
    return assertTakesRequests(db, { projectId, targets: [{ sourceId, connectionIds }], subject });
  }
  const isRejected = row.rejection_cause !== null;
  const wanted = isRejected
    ? await listConnectionIds(db, { projectId, sourceIds: [sourceId] })
    : await listIgnoring(db, id);
  const known = await findConnections(db, { projectId, ids: wanted });
  const obstacles = known.map(obstacleOfConnection);
  if (obstacles.includes(null)) return;
  if (isRejected) await assertTakesRequests(db, { projectId, targets: [{ sourceId }], subject });
  const open = obstacles.filter((obstacle) => obstacle !== null);
  const obstacle = open.find(({ isDeleted }) => !isDeleted) ?? (isRejected ? null : open[0]);
  const remedy = `. To take it through the connections of today: POST /requests/${id}/replay`;
  if (obstacle) throw conflict(obstacle, { subject, remedy });
}

/** Throws where what came in was cut when the request was refused: what is left is not what was sent. */
export function assertWhole(row: RequestRow): void {
  const { body_cut: cut } = (row.rejection_detail ?? {}) as { body_cut?: { kept_bytes: number } };
  if (cut === undefined) return;
  const message = `Only the first ${cut.kept_bytes} bytes of this request were kept because it was rejected. The sender must send it again. REJECTED_BODY_KB sets how much is kept`;
  throw new GatewayError('BAD_REQUEST', message, { data: { request_id: row.id, body_cut: cut } });
}

async function assertOwn(
  db: Db,
  { row, connectionIds }: { row: RequestRow; connectionIds: string[] },
): Promise<void> {
  const projectId = row.project_id;
  const known = await findConnections(db, { projectId, ids: connectionIds });
  const own = known.filter(({ connection }) => connection.source_id === row.source_id);
  const problems = connectionIds.flatMap((id, index) =>
    own.some(({ connection }) => connection.id === id && connection.deleted_at === null)
      ? []
      : [{ path: ['webhook_ids', index], message: "names no connection of the request's source" }],
  );
  if (problems.length > 0) throw invalid('body', problems);
}
