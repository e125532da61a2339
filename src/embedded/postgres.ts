import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Log } from '../log.ts';
import { StartupError } from './errors.ts';
import type { Exit } from './keep-running.ts';
import { poll } from './poll.ts';
import { freePort, ownPort } from './ports.ts';
import {
  createCluster,
  forgetStalePid,
  ownedFolder,
  postgresDatabase,
  postgresEnv,
  postgresRole,
} from './postgres-cluster.ts';
import { checkMajorVersion, findPostgresPrograms } from './postgres-programs.ts';
import { findPostgresUser, withAccess } from './postgres-user.ts';
import { lastLines } from './run.ts';
import { keepSecret } from './secrets.ts';
import { launchServer, stopLeftover } from './server-process.ts';
import type { ServerProcess, StopPlan } from './server-process.ts';

const usualPort = 5433;
/** Long enough to replay the log of a crash, which max_wal_size bounds. */
const readyTimeoutMs = 180_000;
const launches = 20;

/** Fast shutdown, then immediate (the next start recovers from the log), then none. */
const stopPlan: StopPlan = [
  { signal: 'SIGINT', graceMs: 15_000 },
  { signal: 'SIGQUIT', graceMs: 5_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
];

/** Every commit reaches the disk; the rest suits a small box that also runs the gateway. */
const settings: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  max_connections: '100',
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  wal_compression: 'off',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // Claiming and settling leave dead rows in the same few tables all the time.
  autovacuum_naptime: '10s',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // Statements carry what senders sent; the log file does not.
  log_min_error_statement: 'panic',
};

// What the system allows a socket's path to have (104 bytes on macOS), less the name of the socket in its folder.
const longestSocketFolder = 104 - '/.s.PGSQL.65535'.length - 1;

/** An embedded PostgreSQL that answers: `url` carries the password, and leads through a socket file where there can be one. */
export type EmbeddedPostgres = {
  url: string;
  port: number;
  pid: number;
  /** Settles when its process is gone. */
  ended: Promise<Exit>;
  stop: () => Promise<void>;
};

/**
 * Starts PostgreSQL on the files under the data directory, making them on first start, and waits until it answers.
 * A server that a killed gateway left behind is stopped in order first. Throws StartupError for what the user can mend.
 */
export async function startPostgres({
  dataDir,
  log,
  port = usualPort,
  isFixed = false,
}: {
  dataDir: string;
  log: Log;
  port?: number;
  /** Whether it has to be that port: another one is taken where that is not free. */
  isFixed?: boolean;
}): Promise<EmbeddedPostgres> {
  const folder = resolve(dataDir, 'postgres');
  const cluster = join(folder, 'cluster');
  const recordFile = resolve(dataDir, 'postgres.json');
  const programs = await findPostgresPrograms();
  const owner = findPostgresUser();
  await ownedFolder(folder, owner);
  const user = withAccess(owner, { program: programs.postgres, folder });
  await stopLeftover(recordFile, { name: 'PostgreSQL', stopPlan, log });

  const makePassword = () => randomBytes(24).toString('base64url');
  const password = await keepSecret(dataDir, { name: 'postgres-password', make: makePassword });
  await createCluster(folder, { programs, user, password });
  await checkMajorVersion(cluster, programs);

  const sockets = isSocketFolder(folder) ? folder : null;
  const [command, ...args] = [...user.launcher, programs.postgres, '-D', cluster];
  const launch = (chosen: number) =>
    launchServer({
      command,
      args: [...args, '-p', String(chosen), ...settingFlags(sockets)],
      cwd: cluster,
      env: postgresEnv,
      spawnAs: user.spawnAs,
      logFile: resolve(dataDir, 'postgres.log'),
      recordFile,
      stopPlan,
    });
  return launchUntilReady({ cluster, port, isFixed, password, sockets, launch });
}

/** Tries again when another server took the port meanwhile, or when the rest of a killed one has yet to end. */
async function launchUntilReady({
  cluster,
  port: wanted,
  isFixed,
  password,
  sockets,
  launch,
}: {
  cluster: string;
  port: number;
  isFixed: boolean;
  password: string;
  sockets: string | null;
  launch: (port: number) => ServerProcess;
}): Promise<EmbeddedPostgres> {
  for (let attempt = 1; ; attempt++) {
    const port = await (isFixed ? ownPort : freePort)(wanted);
    await forgetStalePid(cluster);
    const server = launch(port);
    // The host in front is for whoever cannot use the socket.
    const way = sockets === null ? '' : `?host=${encodeURIComponent(sockets)}`;
    const urlOf = (name: string) =>
      `postgres://${postgresRole}:${password}@127.0.0.1:${port}/${name}${way}`;
    if (await isReady(server, { url: urlOf('postgres'), cluster })) {
      const { pid, ended } = server;
      return { url: urlOf(postgresDatabase), port, pid, ended, stop: () => server.stop() };
    }
    await server.stop();
    const output = server.output();
    const passing = /Address already in use|still in use|is already in use/.test(output);
    if (!passing || attempt === launches) {
      throw new StartupError(
        `PostgreSQL did not start: ${lastLines(output)}. Mend that (its log is postgres.log in the data directory), or set DATABASE_URL to a PostgreSQL of your own.`,
      );
    }
    await sleep(250);
  }
}

async function isReady(
  server: ServerProcess,
  { url, cluster }: { url: string; cluster: string },
): Promise<boolean> {
  const ready = await poll(async () => (server.hasExited() ? false : prepare(url, { cluster })), {
    timeoutMs: readyTimeoutMs,
  });
  return ready ?? false;
}

/** Connects as a client would; undefined while the server does not answer. Makes sure it is ours, and that our database is there. */
async function prepare(url: string, { cluster }: { cluster: string }): Promise<true | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const shown = await client.query<{ data_directory: string }>('show data_directory');
    if (shown.rows[0]?.data_directory !== cluster) return undefined;
    const found = await client.query('select 1 from pg_database where datname = $1', [
      postgresDatabase,
    ]);
    if (found.rowCount === 0) await client.query(`create database ${postgresDatabase}`);
    return true;
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Whether PostgreSQL can make its socket here: a short path, and nothing in it that its list of folders takes apart. */
function isSocketFolder(folder: string): boolean {
  return Buffer.byteLength(folder) <= longestSocketFolder && /^[\w./-]+$/.test(folder);
}

function settingFlags(sockets: string | null): string[] {
  const all = { ...settings, unix_socket_directories: sockets ?? '' };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
