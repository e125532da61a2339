import sql from 'sql-template-tag';
import { eventId, newId } from '../../src/db/ids.ts';
import type { Db } from '../../src/db/pool.ts';

/** A project, a source, a destination, a connection, and events that wait to be delivered. */
export type Seed = {
  projectId: string;
  sourceId: string;
  destinationId: string;
  connectionId: string;
  eventIds: string[];
};

/** Writes them straight into their tables; `laneKeys` puts the n-th event in the n-th of these lanes. */
export async function seedEvents(
  db: Db,
  { count, laneKeys = [] }: { count: number; laneKeys?: (string | null)[] },
): Promise<Seed> {
  const [projectId, sourceId] = [newId('project'), newId('source')];
  const [destinationId, connectionId] = [newId('destination'), newId('connection')];
  await db.query(
    sql`insert into projects (id, name, signing_secrets) values (${projectId}, 'test', '')`,
  );
  await db.query(sql`insert into sources (project_id, id, name, type)
    values (${projectId}, ${sourceId}, ${sourceId}, 'WEBHOOK')`);
  await db.query(sql`insert into destinations (project_id, id, name, type)
    values (${projectId}, ${destinationId}, ${destinationId}, 'MOCK_API')`);
  await db.query(sql`insert into connections (project_id, id, source_id, destination_id)
    values (${projectId}, ${connectionId}, ${sourceId}, ${destinationId})`);
  const eventIds: string[] = [];
  for (let i = 0; i < count; i++) {
    const requestId = newId('request');
    const id = eventId(requestId, connectionId);
    eventIds.push(id);
    await db.query(sql`
      insert into events (id, project_id, request_id, connection_id, source_id, destination_id, status, dispatch_id,
        workflow_id, lane_key, created_at, updated_at)
      values (${id}, ${projectId}, ${requestId}, ${connectionId}, ${sourceId}, ${destinationId}, 'QUEUED', 'dsp_1',
        'requests/dsp_1', ${laneKeys[i] ?? null}, now(), now())`);
  }
  return { projectId, sourceId, destinationId, connectionId, eventIds };
}
