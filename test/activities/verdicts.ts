import sql from 'sql-template-tag';
import { createVerificationActivities } from '../../src/activities/verification.ts';
import type { Claim } from '../../src/db/outbox.ts';
import type { Keys } from '../../src/verification/verifier.ts';
import { KEPT_BODY_BYTES, PUBLIC_URL, type Ingest, type Kept } from '../api/ingest/ingest.ts';
import { claim } from '../db/rows.ts';

type Dependencies = Parameters<typeof createVerificationActivities>[0];
export type Changes = Partial<
  Pick<Dependencies, 'lookEveryMs' | 'longestWaitMs' | 'giveUpAfterMs' | 'onSettled'>
> & { keys?: Keys };

/** What takes late verdicts on requests of `ingest`, with keys from `network`; both are asked for at each use. */
export function createVerdicts({ ingest, keys }: { ingest: () => Ingest; keys: () => Keys }) {
  const open: { close(): void }[] = [];

  function activities(changes: Changes = {}) {
    const log = (fields: object) => void ingest().logged.push({ ...fields });
    const made = createVerificationActivities({
      db: ingest().db,
      configuration: ingest().configuration,
      keys: keys(),
      publicUrl: PUBLIC_URL,
      log: { info: log, warn: log },
      onSettled() {},
      keptBodyBytes: KEPT_BODY_BYTES,
      ...changes,
    });
    open.push(made);
    return made;
  }

  return {
    activities,
    /** Claims what waits, as a dispatcher does. */
    claim: (): Promise<Claim> => claim(ingest().db),
    async verify(changes?: Changes): Promise<void> {
      await activities(changes).verifyRequests(await claim(ingest().db));
    },
    /** What of a dispatch is left to be routed. */
    async routable(dispatchId: string): Promise<string[]> {
      const { rows } = await ingest().db.query<{ request_id: string }>(
        sql`select request_id from outbox where dispatch_id = ${dispatchId} and not unverified order by 1`,
      );
      return rows.map((row) => row.request_id);
    },
    async rowOf(id: string): Promise<Kept> {
      const { rows } = await ingest().db.query<Kept>(sql`select * from requests where id = ${id}`);
      return rows[0]!;
    },
    /** Ends all activities that were made. */
    close: () => open.splice(0).forEach((each) => each.close()),
  };
}
