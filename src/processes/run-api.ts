import { reachTemporal } from '../temporal/connection.ts';
import { startApiProcess, type ApiProcess } from './api.ts';
import type { Context } from './context.ts';
import { openFoundation } from './foundation.ts';
import type { Platform } from './platform.ts';

/** Opens what the API stands on and starts it; `wake` tells a dispatcher that something waits. */
export async function runApi(
  { config, log, shutdown: { signal, onEnd } }: Context,
  { platform, wake }: { platform: Platform; wake?: () => void },
): Promise<ApiProcess> {
  signal.throwIfAborted();
  const foundation = await openFoundation(config, {
    platform,
    log,
    connect: (at) => Promise.resolve(reachTemporal(at)),
    onEnd,
  });
  signal.throwIfAborted();
  const api = await startApiProcess(foundation, wake ? { wake } : {});
  onEnd(() => api.stop());
  return api;
}
