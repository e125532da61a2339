import type { Dispatch } from '../../domain/delivery.ts';
import { commitRouting, type RoutingPlan, type RoutingVerdict } from '../../db/commit-routing.ts';
import { insertExecutions, type NewExecution } from '../../db/executions.ts';
import { requestIdOf } from '../../db/ids.ts';
import type { Database, Db } from '../../db/pool.ts';
import { insertPayloads, type NewPayload, type RoutedEvent } from '../../db/routing.ts';
import { isNotStorable, notStorable } from './failed.ts';

/** What is decided for the requests of one call, before it is written. */
export type Draft = RoutingPlan & { payloads: NewPayload[]; executions: NewExecution[] };

// One commit does not grow without bound where a source has many connections, or its code returns much.
const COMMIT_EVENTS = 4_000;
const COMMIT_BYTES = 8 * 1024 * 1024;

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

/** What was written: the events it made, and the requests that were rejected because theirs could not be. */
export type Committed = { made: RoutedEvent[]; failed: RoutingVerdict[] };

/**
 * Writes a draft at once, for those requests that still wait. Where what one request brought cannot be written, the
 * others are written, and that one is rejected with the reason: its code has run, and is not run again.
 */
export async function commitDraft(database: Database, draft: Draft): Promise<Committed> {
  if (draft.verdicts.length === 0) return { made: [], failed: [] };
  try {
    return { made: await write(database, draft), failed: [] };
  } catch (error) {
    if (!isNotStorable(error)) throw error;
    const [only, ...others] = draft.verdicts;
    if (others.length > 0) return await commitHalves(database, draft);
    const verdict = notStorable(only!.requestId, error);
    const { dispatchId } = draft;
    await commitRouting(database, {
      ...emptyDraft({ dispatchId, requestIds: [] }),
      verdicts: [verdict],
    });
    return { made: [], failed: [verdict] };
  }
}

async function commitHalves(database: Database, draft: Draft): Promise<Committed> {
  const middle = Math.ceil(draft.verdicts.length / 2);
  const made: RoutedEvent[] = [];
  const failed: RoutingVerdict[] = [];
  for (const verdicts of [draft.verdicts.slice(0, middle), draft.verdicts.slice(middle)]) {
    const half = await commitDraft(database, partOf(draft, verdicts));
    made.push(...half.made);
    failed.push(...half.failed);
  }
  return { made, failed };
}

function partOf(draft: Draft, verdicts: RoutingVerdict[]): Draft {
  const ids = new Set(verdicts.map((verdict) => verdict.requestId));
  const isIn = ({ requestId }: { requestId: string }) => ids.has(requestId);
  return {
    ...draft,
    verdicts,
    events: draft.events.filter(isIn),
    ignored: draft.ignored.filter(isIn),
    executions: draft.executions.filter(isIn),
    payloads: draft.payloads.filter(({ eventId }) => ids.has(requestIdOf(eventId))),
  };
}

function write(database: Database, draft: Draft): Promise<RoutedEvent[]> {
  if (draft.payloads.length === 0 && draft.executions.length === 0) {
    return commitRouting(database, draft);
  }
  return database.transaction((db) => writeAll(db, draft));
}

async function writeAll(db: Db, draft: Draft): Promise<RoutedEvent[]> {
  const made = await commitRouting(db, draft);
  const ids = new Set(made.map((event) => event.id));
  const payloads = draft.payloads.filter((payload) => ids.has(payload.eventId));
  if (payloads.length > 0) await insertPayloads(db, payloads);
  await insertExecutions(db, draft.executions);
  return made;
}
