import { findConnection, findConnections, type JoinedConnection } from '../../db/connections.ts';
import { type DestinationRow, destinations } from '../../db/destinations.ts';
import type { EventRow } from '../../db/event-reads.ts';
import type { Db } from '../../db/pool.ts';
import { sources } from '../../db/sources.ts';
import { GatewayError } from '../../domain/errors.ts';

type Kind = 'source' | 'destination' | 'connection';
type Closable = {
  id: string;
  name: string | null;
  disabled_at: Date | null;
  deleted_at: Date | null;
};

/** What keeps something from being sent, and whether enabling it would help. */
export type Obstacle = { kind: Kind; id: string; isDeleted: boolean; sentence: string };

/** Whether a source, destination or connection was deleted or is disabled; null while it is in use. */
function obstacleOf(kind: Kind, row: Closable, reason: string | null = null): Obstacle | null {
  const { id, name } = row;
  const isDeleted = row.deleted_at !== null;
  if (!isDeleted && row.disabled_at === null) return null;
  const named = name === null ? id : `"${name}" (${id})`;
  const because = reason === null ? '' : ` (${reason.replace(/\.$/, '')})`;
  const sentence = isDeleted
    ? `the ${kind} ${named} was deleted`
    : `the ${kind} ${named} is disabled${because}. Enable it first: PUT /${kind}s/${id}/enable`;
  return { kind, id, isDeleted, sentence };
}

function obstacleOfDestination(row: DestinationRow): Obstacle | null {
  return obstacleOf('destination', row, row.disabled_reason);
}

/** What keeps a connection from taking requests. What was deleted is told before what is disabled. */
export function obstacleOfConnection(joined: JoinedConnection): Obstacle | null {
  const found = [
    obstacleOfDestination(joined.destination),
    joined.source.deleted_at === null ? null : obstacleOf('source', joined.source),
    obstacleOf('connection', joined.connection),
  ].filter((obstacle) => obstacle !== null);
  return found.find(({ isDeleted }) => isDeleted) ?? found[0] ?? null;
}

/** Throws a 409 where an event cannot be sent any more, or not now. */
export async function assertDeliverable(db: Db, event: EventRow): Promise<void> {
  const { project_id: projectId, connection_id: id, destination_id: destinationId } = event;
  const joined = await findConnection(db, { projectId, id });
  const destination = await destinations.find(db, { projectId, id: destinationId });
  const obstacle =
    joined && obstacleOfConnection(destination ? { ...joined, destination } : joined);
  if (!obstacle) return;
  const remedy = `. To send it through other connections: POST /events/${event.id}/replay with their webhook_ids`;
  throw conflict(obstacle, { subject: 'The event cannot be retried', remedy });
}

/** Throws a 409 where a request cannot be taken in at a source any more, or not now, or by one of these connections. */
export async function assertTakesRequests(
  db: Db,
  {
    projectId,
    targets,
    subject,
  }: {
    projectId: string;
    targets: { sourceId: string; connectionIds?: string[] | undefined }[];
    /** What cannot be done, as the beginning of a sentence. */
    subject: string;
  },
): Promise<void> {
  const remedy = '. To take it in elsewhere, name a source_id or webhook_ids in a replay';
  for (const { sourceId, connectionIds } of targets) {
    const source = await sources.find(db, { projectId, id: sourceId });
    const ofSource = source && obstacleOf('source', source);
    if (ofSource && (ofSource.isDeleted || !connectionIds)) {
      throw conflict(ofSource, { subject, remedy });
    }
    const named = connectionIds ? await findConnections(db, { projectId, ids: connectionIds }) : [];
    const obstacle = named.map(obstacleOfConnection).find((found) => found !== null);
    if (obstacle) throw conflict(obstacle, { subject, remedy });
  }
}

/** A 409 that says what stands in the way, and what to do; `remedy` is for what no enabling brings back. */
export function conflict(
  { kind, id, isDeleted, sentence }: Obstacle,
  { subject, remedy }: { subject: string; remedy: string },
): GatewayError {
  const message = `${subject}: ${sentence}${isDeleted ? remedy : ''}.`;
  const reason = isDeleted ? 'deleted' : 'disabled';
  return new GatewayError('CONFLICT', message, { data: { id, resource_type: kind, reason } });
}
