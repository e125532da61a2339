import { describeConfig, readConfig } from '../config.ts';
import { createLog } from '../log.ts';
import type { Context } from './context.ts';
import { createShutdown, STOP_SIGNALS, surviveLostOutput } from './shutdown.ts';
import { sentenceOf } from './start-fault.ts';

const USAGE = `Usage: npm run sluice <command>

  all       runs the API and the worker with the servers they need, as npm start does
  api       runs ingest and the admin API
  worker    runs the dispatcher, the Temporal worker and the sandbox
  migrate   brings the database up to date
  key       shows the API key
  temporal  runs the Temporal CLI against the gateway's Temporal server,
            for example: npm run sluice temporal -- workflow list
`;

const COMMANDS = ['all', 'api', 'worker', 'migrate', 'key', 'temporal'];

/** Starts what `command` names, in order; a started part hands its end to `shutdown`. Each loads what it needs itself. */
async function start(command: string, context: Context): Promise<void> {
  const { config, log, shutdown } = context;
  log.debug(describeConfig(config), 'Configuration');
  if (command === 'all') {
    const { runAll } = await import('./run-all.ts');
    return runAll(context);
  }
  if (config.databaseUrl === undefined) {
    log.warn(
      { dataDir: config.dataDir },
      'DATABASE_URL is not set, so this process uses an embedded PostgreSQL of its own in DATA_DIR. Set DATABASE_URL to the database that all processes of the gateway share',
    );
  }
  const { openPlatform } = await import('./platform.ts');
  const platform = await openPlatform(config, { log, onEnd: shutdown.onEnd });
  if (command === 'migrate') {
    const { runMigrations } = await import('./migrate.ts');
    return runMigrations(config, { platform, log });
  }
  if (command === 'worker') {
    const { runWorker } = await import('./run-worker.ts');
    await runWorker(context, platform);
    return log.info('The worker is running');
  }
  const { runApi } = await import('./run-api.ts');
  const { url } = await runApi(context, { platform });
  log.info({ url }, 'The API is running');
}

/** Does what the command line says; ends the process where there is nothing that goes on. */
export async function runCommand(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await run(args, env);
  } catch (error) {
    console.error(sentenceOf(error));
    process.exit(1);
  }
}

async function run([command = 'help', ...args]: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const [part] = args;
  const isPart = command === 'part' && process.connected && (part === 'api' || part === 'worker');
  if (!isPart && !COMMANDS.includes(command)) {
    console.error(USAGE);
    process.exit(command === 'help' ? 0 : 2);
  }
  const config = readConfig(env);
  if (command === 'key') {
    const { showKey } = await import('./show-key.ts');
    return showKey(config);
  }
  if (command === 'temporal') {
    const { runTemporalCli } = await import('./run-temporal-cli.ts');
    const log = createLog({ level: config.logLevel, name: 'sluice', fileDescriptor: 2 });
    process.exit(await runTemporalCli(config, { args, env, log }));
  }
  const log = createLog({ level: config.logLevel, name: 'sluice' });
  if (isPart) {
    const { runPart } = await import('./run-part.ts');
    return runPart(part, { config, log });
  }
  const settled = Promise.withResolvers<void>();
  const shutdown = createShutdown(log, settled.promise);
  for (const signal of STOP_SIGNALS) process.on(signal, () => void shutdown.end(0));
  surviveLostOutput();
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
