import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';

/** How a process ended: its exit code, or the signal that ended it. Both are null where it could not be started. */
export type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** A server that runs; `ended` settles when its process is gone, whoever ended it. */
export type Running = { ended: Promise<Exit>; stop: () => Promise<void> };

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
// One that ends sooner than this would end again: the next start waits longer.
const STEADY_MS = 30_000;

/**
 * Starts a server, and starts it again whenever it ends without being told to: killed by hand, or by a system that
 * lacked memory. `start` is given the first one, in whose place the next has to stand.
 */
export async function keepRunning<Server extends Running>(
  name: string,
  { start, log }: { start: (first: Server | null) => Promise<Server>; log: Log },
): Promise<{ first: Server; stop: () => Promise<void> }> {
  const first = await start(null);
  const stopping = new AbortController();
  let current = first;
  let starting: Promise<void> | undefined;
  let waitMs = FIRST_WAIT_MS;
  let startedAt = performance.now();

  async function startAgain(): Promise<void> {
    if (performance.now() - startedAt > STEADY_MS) waitMs = FIRST_WAIT_MS;
    while (!stopping.signal.aborted) {
      const thisWaitMs = waitMs;
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      try {
        await sleep(thisWaitMs, undefined, { signal: stopping.signal });
        current = await start(first);
        startedAt = performance.now();
        log.info(`${name} runs again`);
        return watch();
      } catch (error) {
        if (!stopping.signal.aborted) log.error({ error }, `${name} did not start. Trying again`);
      }
    }
  }
  function watch(): void {
    void current.ended.then((exit) => {
      if (stopping.signal.aborted) return;
      log.error(exit, `${name} ended unexpectedly. Starting it again`);
      starting = startAgain();
    });
  }
  watch();

  return {
    first,
    async stop() {
      stopping.abort();
      // One that is just being started has to be there before it can be stopped.
      await starting;
      await current.stop();
    },
  };
}
