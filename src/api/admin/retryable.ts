import { findConnections } from '../../db/connections.ts';
import type { Db } from '../../db/pool.ts';
import type { RequestRow } from '../../db/request-reads.ts';
import { GatewayError } from '../../domain/errors.ts';
import { RejectionCause } from '../../domain/status.ts';
import { invalid } from '../errors.ts';

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
    const message = `Request is not eligible for retry because it was rejected with ${row.rejection_cause}: it would be rejected again`;
    throw new GatewayError('BAD_REQUEST', message, { data });
  }
  assertWhole(row);
  if (row.rejection_cause === null && row.ignored_count === 0) {
    const message =
      'Request is not eligible for retry because it was not rejected and has no ignored events';
    throw new GatewayError('BAD_REQUEST', message, { data });
  }
  if (connectionIds) await assertOwn(db, { row, connectionIds });
}

/** Throws where what came in was cut when the request was refused: what is left is not what was sent. */
export function assertWhole(row: RequestRow): void {
  const { body_cut: cut } = (row.rejection_detail ?? {}) as { body_cut?: { kept_bytes: number } };
  if (cut === undefined) return;
  const message = `Only the first ${cut.kept_bytes} bytes of this request were kept, because it was refused: the sender has to send it again (REJECTED_BODY_KB says how much is kept)`;
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
