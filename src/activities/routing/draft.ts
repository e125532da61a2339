import type { Dispatch } from '../../domain/delivery.ts';
import { commitRouting, type RoutingPlan } from '../../db/commit-routing.ts';
import { insertExecutions, type NewExecution } from '../../db/executions.ts';
import type { Database } from '../../db/pool.ts';
import { insertPayloads, type NewPayload, type RoutedEvent } from '../../db/routing.ts';

/** What is decided for the requests of one call, before it is written. */
export type Draft = RoutingPlan & { payloads: NewPayload[]; executions: NewExecution[] };

// One commit does not grow without bound where a source has many connections, or its code returns much.
const COMMIT_EVENTS = 4_000;
const COMMIT_BYTES = 32 * 1024 * 1024;

export function emptyDraft({ dispatchId }: Dispatch): Draft {
  return { dispatchId, verdicts: [], events: [], ignored: [], payloads: [], executions: [] };
}

/** Whether a draft has become as large as one commit should be. */
export function isFull({ events, payloads, executions }: Draft): boolean {
  if (events.length >= COMMIT_EVENTS) return true;
  let bytes = 0;
  for (const { body } of payloads) bytes += body.length;
  for (const { input, output } of executions) bytes += (input?.length ?? 0) + (output?.length ?? 0);
  return bytes >= COMMIT_BYTES;
}

/** Writes a draft at once, for those requests that still wait; returns the events it made. */
export function commitDraft(database: Database, draft: Draft): Promise<RoutedEvent[]> {
  if (draft.verdicts.length === 0) return Promise.resolve([]);
  if (draft.payloads.length === 0 && draft.executions.length === 0) {
    return commitRouting(database, draft);
  }
  return database.transaction(async (db) => {
    const made = await commitRouting(db, draft);
    const ids = new Set(made.map((event) => event.id));
    const payloads = draft.payloads.filter((payload) => ids.has(payload.eventId));
    if (payloads.length > 0) await insertPayloads(db, payloads);
    await insertExecutions(db, draft.executions);
    return made;
  });
}
