import { ConfigError, readConfig, type Config } from './config.ts';
import { StartupError } from './embedded/errors.ts';
import { createLog, type Log } from './log.ts';
import { startApiProcess } from './processes/api.ts';
import { openFoundation } from './processes/foundation.ts';
import { openPlatform } from './processes/platform.ts';
import { startWorkerProcess } from './processes/worker.ts';
import { installRuntime } from './temporal/worker.ts';

const STOP_WITHIN_MS = 20_000;

type Stop = () => Promise<void>;

/** Starts what `command` names, in order; each started part is stopped in the reverse order. */
async function start(
  command: string,
  { config, log, stops }: { config: Config; log: Log; stops: Stop[] },
) {
  installRuntime(log);
  const platform = await openPlatform(config, log);
  stops.push(() => platform.stop());
  const foundation = await openFoundation(config, { platform, log });
  stops.push(() => foundation.close());
  const worker = command === 'api' ? null : await startWorkerProcess(foundation);
  if (worker) stops.push(() => worker.stop());
  const api =
    command === 'worker'
      ? null
      : await startApiProcess(foundation, worker ? { wake: () => worker.wake() } : {});
  if (api) stops.push(() => api.stop());
  console.log(platform.apiKey, api?.url, platform.temporalUiUrl, foundation.projectId);
  return worker;
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog({ level: config.logLevel, name: 'sluice' });
  const stops: Stop[] = [];
  let stopping = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    for (const step of stops.toReversed()) await step();
    process.exit(code);
  };
  process.on('SIGINT', () => void stop(0));
  process.on('SIGTERM', () => void stop(0));
  try {
    const worker = await start(process.argv[2] ?? 'all', { config, log, stops });
    worker?.failed.catch((error: unknown) => {
      log.fatal({ error }, 'The Temporal worker failed');
      void stop(1);
    });
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    console.error(error.message);
    await stop(1);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
