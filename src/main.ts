import { ConfigError, describeConfig, readConfig, type Config } from './config.ts';
import { StartupError } from './embedded/errors.ts';
import { createLog, type Log } from './log.ts';
import { startApiProcess } from './processes/api.ts';
import { banner } from './processes/banner.ts';
import { sendFirstEvent } from './processes/first-event.ts';
import { openFoundation } from './processes/foundation.ts';
import { runMigrations } from './processes/migrate.ts';
import { openPlatform } from './processes/platform.ts';
import { showKey } from './processes/show-key.ts';
import { createShutdown, type Shutdown } from './processes/shutdown.ts';
import { startWorkerProcess } from './processes/worker.ts';
import { installRuntime } from './temporal/worker.ts';

const USAGE = `Usage: npm run sluice <command>

  all      ingest, admin API, dispatcher and worker in one process (what npm start runs)
  api      ingest, admin API and dashboard
  worker   dispatcher, Temporal worker, sandbox
  migrate  brings the database up to date, and ends
  key      shows the API key that the first start made
`;

type Context = { config: Config; log: Log; shutdown: Shutdown };

/** Starts what `command` names, in order; a started part hands its end to `shutdown`. */
async function start(command: string, { config, log, shutdown }: Context): Promise<void> {
  const { signal, onEnd } = shutdown;
  log.debug(describeConfig(config), 'Configuration');
  installRuntime(log);
  const platform = await openPlatform(config, { log, onEnd });
  if (command === 'migrate') return runMigrations(config, { platform, log });

  signal.throwIfAborted();
  const foundation = await openFoundation(config, {
    platform,
    log,
    hasWorker: command !== 'api',
    onEnd,
  });
  signal.throwIfAborted();
  const worker = command === 'api' ? null : await startWorkerProcess(foundation);
  if (worker) onEnd(() => worker.stop());
  worker?.failed.catch((error: unknown) => {
    log.fatal({ error }, 'The Temporal worker failed');
    void shutdown.end(1);
  });
  if (command === 'worker') return log.info('The worker is running');

  signal.throwIfAborted();
  const wake = worker ? { wake: () => worker.wake() } : {};
  const api = await startApiProcess(foundation, wake);
  onEnd(() => api.stop());
  if (command === 'api') return log.info({ url: api.url }, 'The API is running');
  signal.throwIfAborted();
  const firstEvent = await sendFirstEvent({ url: api.url, apiKey: platform.apiKey });
  console.log(banner(foundation, { url: api.url, firstEvent }));
}

async function main(): Promise<void> {
  const command = process.argv[2] ?? 'help';
  if (!['all', 'api', 'worker', 'migrate', 'key'].includes(command)) {
    console.error(USAGE);
    process.exit(command === 'help' ? 0 : 2);
  }
  const config = readConfig(process.env);
  if (command === 'key') return showKey(config);
  const log = createLog({ level: config.logLevel, name: 'sluice' });
  const settled = Promise.withResolvers<void>();
  const shutdown = createShutdown(log, settled.promise);
  process.on('SIGINT', () => void shutdown.end(0));
  process.on('SIGTERM', () => void shutdown.end(0));
  try {
    await start(command, { config, log, shutdown });
    settled.resolve();
    if (command === 'migrate') await shutdown.end(0);
  } catch (error) {
    // Whatever fails after the end has begun fails because of it.
    if (!shutdown.signal.aborted) console.error(sentenceOf(error));
    settled.resolve();
    await shutdown.end(1);
  }
}

/** What the user can mend is a sentence; anything else is ours to mend, and comes with its place. */
function sentenceOf(error: unknown): unknown {
  return error instanceof ConfigError || error instanceof StartupError ? error.message : error;
}

main().catch((error: unknown) => {
  console.error(sentenceOf(error));
  process.exit(1);
});
