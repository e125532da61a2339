import { describeConfig, readConfig } from './config.ts';
import { createLog } from './log.ts';
import type { Context } from './processes/context.ts';
import { createShutdown } from './processes/shutdown.ts';
import { sentenceOf } from './processes/start-fault.ts';

const USAGE = `Usage: npm run sluice <command>

  all      api and worker with the servers they need (what npm start runs)
  api      ingest, admin API and dashboard
  worker   dispatcher, Temporal worker, sandbox
  migrate  brings the database up to date, and ends
  key      shows the API key that the first start made
`;

/** Starts what `command` names, in order; a started part hands its end to `shutdown`. Each loads what it needs itself. */
async function start(command: string, context: Context): Promise<void> {
  const { config, log, shutdown } = context;
  log.debug(describeConfig(config), 'Configuration');
  if (command === 'all') {
    const { runAll } = await import('./processes/run-all.ts');
    return runAll(context);
  }
  const { openPlatform } = await import('./processes/platform.ts');
  const platform = await openPlatform(config, { log, onEnd: shutdown.onEnd });
  if (command === 'migrate') {
    const { runMigrations } = await import('./processes/migrate.ts');
    return runMigrations(config, { platform, log });
  }
  if (command === 'worker') {
    const { runWorker } = await import('./processes/run-worker.ts');
    await runWorker(context, platform);
    return log.info('The worker is running');
  }
  const { runApi } = await import('./processes/run-api.ts');
  const { url } = await runApi(context, { platform });
  log.info({ url }, 'The API is running');
}

async function main([command = 'help', part]: string[]): Promise<void> {
  const isPart = command === 'part' && process.connected && (part === 'api' || part === 'worker');
  if (!isPart && !['all', 'api', 'worker', 'migrate', 'key'].includes(command)) {
    console.error(USAGE);
    process.exit(command === 'help' ? 0 : 2);
  }
  const config = readConfig(process.env);
  if (command === 'key') {
    const { showKey } = await import('./processes/show-key.ts');
    return showKey(config);
  }
  const log = createLog({ level: config.logLevel, name: 'sluice' });
  if (isPart) {
    const { runPart } = await import('./processes/run-part.ts');
    return runPart(part, { config, log });
  }
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

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(sentenceOf(error));
  process.exit(1);
});
