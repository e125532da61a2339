import { ConfigError, describeConfig, readConfig, type Config } from './config.ts';
import { StartupError } from './embedded/errors.ts';
import { createLog, type Log } from './log.ts';
import { startApiProcess } from './processes/api.ts';
import { banner } from './processes/banner.ts';
import { sendFirstEvent } from './processes/first-event.ts';
import { openFoundation } from './processes/foundation.ts';
import { openPlatform } from './processes/platform.ts';
import { showKey } from './processes/show-key.ts';
import { startWorkerProcess } from './processes/worker.ts';
import { installRuntime } from './temporal/worker.ts';

const USAGE = `Usage: npm run sluice <command>

  all      ingest, admin API, dispatcher and worker in one process (what npm start runs)
  api      ingest, admin API and dashboard
  worker   dispatcher, Temporal worker, sandbox
  migrate  brings the database up to date, and ends
  key      shows the API key that the first start made
`;

const STOP_WITHIN_MS = 20_000;

type Stop = () => Promise<unknown>;
type Context = { config: Config; log: Log; stops: Stop[] };

/** Starts what `command` names, in order; a started part puts its end on `stops`. */
async function start(command: string, { config, log, stops }: Context): Promise<void> {
  log.debug(describeConfig(config), 'Configuration');
  installRuntime(log);
  const platform = await openPlatform(config, log);
  stops.push(() => platform.stop());
  const foundation = await openFoundation(config, { platform, log });
  stops.push(() => foundation.close());
  if (command === 'migrate') return;

  const worker = command === 'api' ? null : await startWorkerProcess(foundation);
  if (worker) stops.push(() => worker.stop());
  worker?.failed.catch((error: unknown) => {
    log.fatal({ error }, 'The Temporal worker failed');
    process.kill(process.pid, 'SIGTERM');
  });
  if (command === 'worker') return log.info('The worker is running');

  const wake = worker ? { wake: () => worker.wake() } : {};
  const api = await startApiProcess(foundation, wake);
  stops.push(() => api.stop());
  if (command === 'api') return log.info({ url: api.url }, 'The API is running');
  const firstEvent = await sendFirstEvent({ url: api.url, apiKey: platform.apiKey });
  console.log(banner(foundation, { url: api.url, firstEvent }));
}

async function main(): Promise<void> {
  const command = process.argv[2] ?? 'all';
  if (!['all', 'api', 'worker', 'migrate', 'key'].includes(command)) {
    console.error(USAGE);
    process.exit(command === 'help' ? 0 : 2);
  }
  const config = readConfig(process.env);
  if (command === 'key') return showKey(config);
  const log = createLog({ level: config.logLevel, name: 'sluice' });
  const stops: Stop[] = [];
  let stopping = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(code || 1), STOP_WITHIN_MS).unref();
    for (const step of stops.toReversed()) {
      await step().catch((error: unknown) => log.error({ error }, 'A part did not stop in order'));
    }
    process.exit(code);
  };
  process.on('SIGINT', () => void stop(0));
  process.on('SIGTERM', () => void stop(0));
  try {
    await start(command, { config, log, stops });
    if (command === 'migrate') await stop(0);
  } catch (error) {
    console.error(error instanceof StartupError ? error.message : error);
    await stop(1);
  }
}

main().catch((error: unknown) => {
  const known = error instanceof ConfigError || error instanceof StartupError;
  console.error(known ? error.message : error);
  process.exit(1);
});
