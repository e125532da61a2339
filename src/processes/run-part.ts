import { flushCompileCache } from 'node:module';
import { inspect } from 'node:util';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Context } from './context.ts';
import type { FromPart, Order, PartName, ToPart } from './part-process.ts';
import { createShutdown, STOP_SIGNALS, surviveLostOutput } from './shutdown.ts';
import { sentenceOf } from './start-fault.ts';

// A dispatcher that is at work looks by itself; each message costs both processes, and the one between them, a switch.
const WAKE_EVERY_MS = 25;

/** What a child of `sluice all` does: it begins, wakes and ends when its parent says so, and ends with its parent. */
export async function runPart(
  name: PartName,
  { config, log }: { config: Config; log: Log },
): Promise<void> {
  // Seen in lists of processes.
  process.title = `sluice-${name}`;
  // A Ctrl-C, or the end of the terminal, reaches the whole group; the parent stops things in their order.
  for (const signal of STOP_SIGNALS) process.on(signal, () => {});
  surviveLostOutput();
  process.once('disconnect', () => process.exit(1));
  const settled = Promise.withResolvers<void>();
  const shutdown = createShutdown(log, settled.promise);
  const begun = Promise.withResolvers<Order>();
  let wake: () => void = () => undefined;
  process.on('message', (message: ToPart) => {
    if (message.kind === 'begin') begun.resolve(message);
    else if (message.kind === 'wake') wake();
    else void shutdown.end(0);
  });
  shutdown.signal.addEventListener('abort', () => begun.reject(shutdown.signal.reason));
  try {
    const start = await prepare(name);
    const { platform, port } = await begun.promise;
    const part = await start({ config: { ...config, port }, log, shutdown }, { platform });
    wake = part.wake;
    tell({ kind: 'running', url: part.url });
    // At its end would be too late for one that is killed.
    flushCompileCache();
  } catch (error) {
    if (shutdown.signal.aborted) return;
    const sentence = sentenceOf(error);
    tell({ kind: 'failed', sentence: typeof sentence === 'string' ? sentence : inspect(sentence) });
    void shutdown.end(1);
  } finally {
    settled.resolve();
  }
}

type Started = { url: string | null; wake: () => void };
type Start = (context: Context, order: Pick<Order, 'platform'>) => Promise<Started>;

/** Loads what this part needs, and nothing of the other: each would cost the other's memory. */
async function prepare(name: PartName): Promise<Start> {
  if (name === 'worker') {
    const { runWorker } = await import('./run-worker.ts');
    return async (context, { platform }) => {
      const { wake } = await runWorker(context, platform);
      return { url: null, wake };
    };
  }
  const { runApi } = await import('./run-api.ts');
  return async (context, { platform }) => {
    const { url } = await runApi(context, { platform, wake: bell(WAKE_EVERY_MS) });
    return { url, wake: () => undefined };
  };
}

/** Rings at once, and once more for all that came in the moment after. */
function bell(everyMs: number): () => void {
  let resting: NodeJS.Timeout | undefined;
  let again = false;
  return function ring(): void {
    if (resting) {
      again = true;
      return;
    }
    tell({ kind: 'wake' });
    resting = setTimeout(() => {
      resting = undefined;
      if (again) ring();
    }, everyMs);
    again = false;
  };
}

function tell(message: FromPart): void {
  if (process.connected) process.send?.(message, () => undefined);
}
