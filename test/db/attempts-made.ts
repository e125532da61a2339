import { beginAttempts, type BegunAttempt, type FinishedAttempt } from '../../src/db/attempts.ts';
import type { Database } from '../../src/db/pool.ts';
import { AttemptStatus, EventStatus } from '../../src/domain/status.ts';
import { makeEvents, type Ends } from './rows.ts';

export const WORKFLOW = 'delivery/dsp_1/des_1';

/** Events of a connection, one at a time, and attempts of them. */
export function createAttempts(db: Database, ends: Ends) {
  async function begin(
    event: string,
    { workflowId = WORKFLOW, nowMs = Date.now() } = {},
  ): Promise<BegunAttempt | string> {
    const [found] = await beginAttempts(db, { eventIds: [event], workflowId, nowMs });
    return found!.kind === 'begun' ? found!.attempt : found!.kind;
  }
  return {
    /** Begins an attempt, or says why none can begin. */
    begin,
    /** Begins an attempt that must be possible. */
    async begun(event: string, nowMs = Date.now()): Promise<BegunAttempt> {
      const attempt = await begin(event, { nowMs });
      if (typeof attempt === 'string') throw new Error(`Not begun but ${attempt}`);
      return attempt;
    },
    async oneEvent(): Promise<string> {
      const [event] = await makeEvents(db, ends, 1);
      return event!;
    },
  };
}

/** An attempt that was answered 500 and is not made again, unless `more` says otherwise. */
export function ended(attempt: BegunAttempt, more: Partial<FinishedAttempt> = {}): FinishedAttempt {
  return {
    attemptId: attempt.attemptId,
    eventId: attempt.eventId,
    number: attempt.number,
    status: AttemptStatus.Failed,
    automaticAttempts: attempt.automaticAttempts + 1,
    responseStatus: 500,
    errorCode: null,
    message: null,
    requestedUrl: 'http://localhost/',
    httpMethod: 'POST',
    responseHeaders: [],
    responseBody: Buffer.from('body'),
    bodyTruncated: false,
    deliveredAtMs: Date.now(),
    respondedAtMs: Date.now(),
    latencyMs: 5,
    eventStatus: EventStatus.Failed,
    nextAttemptAtMs: null,
    ...more,
  };
}
