import { gatewayNow } from '../db/clock.ts';
import { firstIdAt, timeOfId } from '../db/ids.ts';
import type { Db } from '../db/pool.ts';
import { freeApart, listApart, nextApart } from '../db/verdicts.ts';

/** Watches for the keys that requests wait for, and lets the requests go on as soon as these are there. */
export type AwaitedKeys = {
  /** A request of this source has to wait for its key. */
  began(sourceId: string, hint: string): void;
  close(): void;
};

type Dependencies = {
  db: Db;
  /** Whether the verdict on one of these requests can be taken now. */
  isAnswered: (requestIds: string[]) => Promise<boolean>;
  /** Hears that requests wait to be dispatched again. */
  onSettled: () => void;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  giveUpAfterMs: number;
  lookEveryMs: number;
  longestWaitMs: number;
};

type Waiting = { waitMs: number; tryAtMs: number };

/**
 * What waits for the key server of a source is tried with three requests, the oldest, the newest, and one in between
 * that differs each time, ever more seldom; the others are not read until it answers. All that waits lies in the outbox:
 * any worker goes on with it.
 */
export function watchAwaitedKeys(deps: Dependencies): AwaitedKeys {
  const { db, log, lookEveryMs } = deps;
  const waits = new Map<string, Waiting>();
  let looking = false;

  async function look(): Promise<void> {
    const apart = await listApart(db);
    const known = new Set(apart.map(({ sourceId }) => sourceId));
    for (const id of waits.keys()) if (!known.has(id)) waits.delete(id);
    for (const { sourceId, requestIds } of apart) {
      // Those that have waited for too long are dispatched once more, and rejected if nothing has changed.
      const upTo = firstIdAt('request', gatewayNow() - deps.giveUpAfterMs);
      if (requestIds[0]! <= upTo) await free(sourceId, upTo);
      else await tryOne(sourceId, requestIds);
    }
  }
  async function tryOne(sourceId: string, requestIds: string[]): Promise<void> {
    const wait = waits.get(sourceId) ?? { waitMs: lookEveryMs, tryAtMs: 0 };
    if (performance.now() < wait.tryAtMs) return;
    if (await deps.isAnswered(await sampleOf(sourceId, requestIds))) {
      log.info(
        { source: sourceId },
        'The verification keys that requests were waiting for have arrived',
      );
      waits.delete(sourceId);
      return free(sourceId);
    }
    const waitMs = Math.min(wait.waitMs * 2, deps.longestWaitMs);
    waits.set(sourceId, { waitMs, tryAtMs: performance.now() + wait.waitMs });
  }
  async function free(sourceId: string, upTo?: string): Promise<void> {
    const freed = await freeApart(db, { sourceId, ...(upTo !== undefined && { upTo }) });
    if (freed > 0) deps.onSettled();
  }
  /** The oldest and the newest may be of somebody who names a key that is nowhere. */
  async function sampleOf(sourceId: string, ends: string[]): Promise<string[]> {
    const times = ends.map(timeOfId);
    const [fromMs, toMs] = [Math.min(...times), Math.max(...times)];
    const from = firstIdAt('request', fromMs + Math.floor(Math.random() * (toMs - fromMs + 1)));
    const between = await nextApart(db, { sourceId, from });
    return [...new Set([...ends, ...(between === null ? [] : [between])])];
  }

  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch((error: unknown) =>
        log.warn({ error }, 'Could not check requests that wait for verification keys'),
      )
      .finally(() => (looking = false));
  }, lookEveryMs);
  timer.unref();
  return {
    began(sourceId, hint) {
      if (waits.has(sourceId)) return;
      log.warn({ source: sourceId, hint }, 'Requests are waiting for verification keys');
      waits.set(sourceId, { waitMs: lookEveryMs, tryAtMs: performance.now() + lookEveryMs });
    },
    close: () => clearInterval(timer),
  };
}
