import { askKeyStanding } from '../db/key-standing.ts';
import { keepRunning } from '../embedded/keep-running.ts';
import { banner } from './banner.ts';
import type { Context } from './context.ts';
import { sendFirstEvent } from './first-event.ts';
import {
  forkPart,
  type Order,
  type Part,
  type PartName,
  type RunningPart,
} from './part-process.ts';
import { openPlatform } from './platform.ts';

/**
 * Runs the whole gateway: the embedded servers here, api and worker in processes of their own, so that acknowledging
 * goes before delivering, and either is started again when it ends.
 */
export async function runAll({ config, log, shutdown }: Context): Promise<void> {
  const { signal, onEnd } = shutdown;
  const platform = await openPlatform(config, { log, onEnd });
  signal.throwIfAborted();
  // Both load at once; the worker begins when it is known where the API listens.
  const worker = holdPart('worker', { onWake: () => undefined });
  onEnd(() => worker.stop());
  const api = holdPart('api', { onWake: () => worker.wake() });
  onEnd(() => api.stop());
  const url = await api.keepRunning({ platform, port: config.port }, { log });
  signal.throwIfAborted();
  await worker.keepRunning({ platform, port: portOf(url) }, { log });
  signal.throwIfAborted();
  const firstEvent = await sendFirstEvent({ url, apiKey: platform.apiKey });
  const keyStanding = await askKeyStanding(platform.databaseUrl, platform.apiKey);
  console.log(banner({ config, platform }, { url, firstEvent, keyStanding }));
}

/** A part, and whichever process is it now. */
function holdPart(name: PartName, { onWake }: { onWake: () => void }) {
  let current: Part | null = forkPart(name, { onWake });
  let isFirst = true;
  let stopWatching: () => Promise<void> = () => Promise.resolve();
  return {
    wake: () => current?.wake(),
    /** Starts it, again whenever it ends; returns the URL where it has one. */
    async keepRunning(order: Order, { log }: Pick<Context, 'log'>): Promise<string> {
      const { first, stop } = await keepRunning<RunningPart>(`The ${name} process`, {
        start(before) {
          if (!isFirst) current = forkPart(name, { onWake });
          isFirst = false;
          // Senders know it by its port.
          const port = before?.url ? portOf(before.url) : order.port;
          return current!.begin({ ...order, port });
        },
        log,
      });
      stopWatching = stop;
      return first.url ?? '';
    },
    async stop(): Promise<void> {
      const watched = stopWatching();
      // One that is just being started would be waited for.
      await current?.stop();
      await watched;
    },
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
