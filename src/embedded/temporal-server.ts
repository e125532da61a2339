import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Log } from '../log.ts';
import { StartupError } from './errors.ts';
import type { Exit } from './keep-running.ts';
import { poll } from './poll.ts';
import { freePort, isListening, ownPort } from './ports.ts';
import { lastLines } from './run.ts';
import { launchServer, stopLeftover } from './server-process.ts';
import type { ServerProcess, StopPlan } from './server-process.ts';
import { findTemporalCli } from './temporal-cli.ts';
import { openHealthCheck } from './temporal-health.ts';
import type { SearchAttributes } from './temporal-health.ts';

const usualPort = 7233;
const readyTimeoutMs = 60_000;
const launches = 4;
const host = '127.0.0.1';

const stopPlan: StopPlan = [
  { signal: 'SIGTERM', graceMs: 10_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
];

/** What the dev server would otherwise hold back, on the one machine it shares with its only user. */
const dynamicConfig: Record<string, unknown> = {
  // Few pollers on one machine: with more partitions a task waits where nobody polls.
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'frontend.rps': 20_000,
  'frontend.namespaceRPS': 20_000,
  'frontend.namespaceRPS.visibility': 200,
  'matching.rps': 20_000,
  'history.rps': 40_000,
  'limit.maxIDLength': 255,
  'frontend.enableServerVersionCheck': false,
};

/** An embedded Temporal that serves its namespace. `address` is host:port, `uiUrl` the Web UI's base. */
export type EmbeddedTemporal = {
  address: string;
  uiUrl: string;
  port: number;
  uiPort: number;
  pid: number;
  /** Settles when its process is gone. */
  ended: Promise<Exit>;
  stop: () => Promise<void>;
};

type StartOptions = {
  dataDir: string;
  namespace: string;
  cli?: string | undefined;
  uiPort: number;
  log: Log;
  port?: number;
  /** Whether it has to be these ports: others are taken where they are not free. */
  isFixed?: boolean;
  searchAttributes?: SearchAttributes;
};

/**
 * Starts Temporal on its file under the data directory and waits until it serves the namespace.
 * A server that a killed gateway left behind is stopped in order first. Throws StartupError for what the user can mend.
 */
export async function startTemporal(options: StartOptions): Promise<EmbeddedTemporal> {
  const { log, namespace, isFixed = false } = options;
  const { uiPort: wantedUiPort, port: wantedPort = usualPort } = options;
  const searchAttributes = options.searchAttributes ?? {};
  const dataDir = resolve(options.dataDir);
  const folder = join(dataDir, 'temporal');
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  const recordFile = join(dataDir, 'temporal.json');
  await stopLeftover(recordFile, { name: 'Temporal', stopPlan, log });
  const command = await findTemporalCli({ cli: options.cli, dataDir, log });

  for (let attempt = 1; ; attempt++) {
    const choose = isFixed ? ownPort : freePort;
    const [port, uiPort] = [await choose(wantedPort), await choose(wantedUiPort)];
    const server = launchServer({
      command,
      args: startArguments({ folder, namespace, searchAttributes, port, uiPort }),
      cwd: folder,
      // Its own home: the profile of a user who also works with another Temporal stays out of it.
      env: { HOME: folder },
      logFile: join(dataDir, 'temporal.log'),
      recordFile,
      stopPlan,
    });
    const address = `${host}:${port}`;
    if (await isReady(server, { address, port, namespace, searchAttributes })) {
      const stop = () => server.stop();
      const { pid, ended } = server;
      return { address, uiUrl: `http://${host}:${uiPort}`, port, uiPort, pid, ended, stop };
    }
    // It looks for free ports of its own too, and dies in several ways when it loses one of them to another program.
    const mayPass = server.hasExited() && attempt < launches;
    await server.stop();
    if (!mayPass) {
      throw new StartupError(
        `Temporal did not start: ${lastLines(server.output())}. Mend that (its log is temporal.log in the data directory), or set TEMPORAL_ADDRESS to a Temporal server of your own.`,
      );
    }
  }
}

async function isReady(
  server: ServerProcess,
  {
    address,
    port,
    ...expected
  }: { address: string; port: number; namespace: string; searchAttributes: SearchAttributes },
): Promise<boolean> {
  const sureAt = Date.now() + 5_000;
  const check = openHealthCheck();
  const look = async (): Promise<boolean | undefined> => {
    if (server.hasExited()) return false;
    // A gRPC client that was refused once waits a second before it tries again; a plain connection does not.
    if (!(await isListening(port)) || !(await check.isServing(address, expected))) return undefined;
    // Another gateway's server may have taken the port while ours was on its way to find that out: ours says when it
    // listens. A version that words it otherwise is believed once it has lived for a while.
    const said = server.output().includes(`:${port}\n`);
    return (said || Date.now() > sureAt) && !server.hasExited() ? true : undefined;
  };
  try {
    return (await poll(look, { timeoutMs: readyTimeoutMs })) ?? false;
  } finally {
    await check.close();
  }
}

function startArguments({
  folder,
  namespace,
  searchAttributes,
  port,
  uiPort,
}: {
  folder: string;
  namespace: string;
  searchAttributes: SearchAttributes;
  port: number;
  uiPort: number;
}): string[] {
  const attributes = Object.entries(searchAttributes).map(([name, type]) => `${name}=${type}`);
  const limits = Object.entries(dynamicConfig).map(
    ([key, value]) => `${key}=${JSON.stringify(value)}`,
  );
  return [
    ...['server', 'start-dev', '--ip', host, '--port', String(port), '--ui-port', String(uiPort)],
    ...['--namespace', namespace, '--ui-disable-news-fetch', '--log-level', 'error'],
    ...['--db-filename', join(folder, 'temporal.db')],
    // Every commit reaches the disk.
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=2'],
    ...attributes.flatMap((attribute) => ['--search-attribute', attribute]),
    ...limits.flatMap((limit) => ['--dynamic-config-value', limit]),
  ];
}
