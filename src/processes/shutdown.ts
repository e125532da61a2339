import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';

type Stop = () => Promise<unknown>;

/** The end of a process, whenever it comes: what was started until then is stopped, the last first. */
export type Shutdown = {
  /** Aborted as soon as the end has begun: a start that is still under way goes no further. */
  signal: AbortSignal;
  onEnd(stop: Stop): void;
  /** Ends the process with `code`; a second call changes nothing. */
  end(code: number): Promise<void>;
};

const WITHIN_MS = 20_000;
const LONGEST_MS = 10_000;
const EACH_MS = 1_300;
const MOMENT_MS = 500;
// A server that is just being started cannot be stopped yet. Longer than this takes only a download.
const START_GRACE_MS = 8_000;

/** Signals that ask a process to end in order; SIGHUP comes when its terminal is closed. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ignores failed writes to a terminal or pipe that is gone: without it, the first log line would end the process. */
export function surviveLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** `starting` settles when the start has been completed or given up. */
export function createShutdown(log: Log, starting: Promise<unknown>): Shutdown {
  const stops: Stop[] = [];
  const begun = new AbortController();
  return {
    signal: begun.signal,
    onEnd: (stop) => void stops.push(stop),
    async end(code) {
      if (begun.signal.aborted) return;
      begun.abort();
      const endsAt = performance.now() + WITHIN_MS - MOMENT_MS;
      setTimeout(() => process.exit(code || 1), WITHIN_MS).unref();
      await Promise.race([starting, sleep(START_GRACE_MS)]);
      for (let stop = stops.pop(); stop; stop = stops.pop()) {
        // Whatever takes too long, its successors have their time: servers of ours are the last.
        const leftMs = endsAt - performance.now() - stops.length * EACH_MS;
        await within(Math.min(LONGEST_MS, Math.max(MOMENT_MS, leftMs)), stop()).catch(
          (error: unknown) => log.error({ error }, 'A part did not stop in order'),
        );
      }
      process.exit(code);
    },
  };
}

/** Waits for the end of a part, for so long at most. */
export async function within(ms: number, part: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([part, late]).finally(() => timer.abort());
}
