import type { Dispatch } from '../../domain/delivery.ts';
import { isDispatcherAlive, reclaimRequests } from '../../db/outbox.ts';
import type { Database } from '../../db/pool.ts';
import { beginTrials, MOST_TRIALS, type Trial } from '../../db/suspects.ts';

type Claimed = Trial & { claimedBy: number | null };

/**
 * Keeps count of the requests during which a process died. Only what was begun and never heard of again counts: not an
 * orderly stop, not a PostgreSQL that was away.
 */
export type Trials = {
  /**
   * Notes that work begins on those of these requests that are suspects. Returns those that may be begun; `spent` have
   * been begun too often.
   */
  begin<Row extends Claimed>(
    dispatch: Dispatch,
    waiting: Row[],
  ): Promise<{ waiting: Row[]; spent: Row[] }>;
  /** Work on these ended with an error that this process outlived. */
  outlived(waiting: Trial[]): void;
};

/** `dispatcherId`: the number by which others see that this process lives; null as long as there is none. */
export function createTrials({
  db,
  dispatcherId = () => null,
}: {
  db: Database;
  dispatcherId?: () => number | null;
}): Trials {
  const outlived = new Set<string>();

  /** Temporal gives the work of a process that died to another at once: it must not die of the same. */
  async function isDead(claimedBy: number | null): Promise<boolean> {
    const own = dispatcherId();
    return own !== null && claimedBy !== null && claimedBy !== own
      ? !(await isDispatcherAlive(db, claimedBy))
      : false;
  }

  return {
    async begin({ dispatchId }, claimed) {
      // A dispatch is claimed at once, by one.
      if (await isDead(claimed[0]?.claimedBy ?? null)) {
        await reclaimRequests(db, { staleMs: NEVER_MS });
        return { waiting: [], spent: [] };
      }
      const isSpent = ({ trials }: Trial) => (trials ?? 0) >= MOST_TRIALS;
      const waiting = claimed.filter((row) => !isSpent(row));
      const begun = waiting.filter((row) => row.trials !== null && row.trialOf !== dispatchId);
      if (begun.length > 0) {
        const trials = begun.map(({ id }) => ({ id, counts: !outlived.has(id) }));
        await beginTrials(db, { dispatchId, trials });
        for (const { id } of begun) outlived.delete(id);
      }
      return { waiting, spent: claimed.filter(isSpent) };
    },
    outlived(waiting) {
      for (const { id, trials } of waiting) if (trials !== null) outlived.add(id);
    },
  };
}

// A year: only those of dead dispatchers are wanted.
const NEVER_MS = 365 * 86_400_000;
