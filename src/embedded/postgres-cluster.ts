import {
  chown,
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StartupError } from './errors.ts';
import type { PostgresPrograms } from './postgres-programs.ts';
import type { PostgresUser } from './postgres-user.ts';
import { commandLine } from './process-stamp.ts';
import { lastLines, run } from './run.ts';

/** The only role of the embedded PostgreSQL, and the database it uses. */
export const postgresRole = 'sluice';
export const postgresDatabase = 'sluice';

/** The variables PostgreSQL's programs get; nothing of ours, which holds secrets. */
export const postgresEnv = { LC_ALL: 'C', TZ: 'UTC' };

type ClusterOptions = { programs: PostgresPrograms; user: PostgresUser; password: string };

/** Makes the cluster's files on first start. They appear under their name only when whole, so a start cut short is repeated. */
export async function createCluster(folder: string, options: ClusterOptions): Promise<void> {
  const cluster = join(folder, 'cluster');
  if (await exists(join(cluster, 'PG_VERSION'))) return;
  const draft = join(folder, 'cluster.new');
  const passwordFile = join(folder, 'password.new');
  await rm(draft, { recursive: true, force: true });
  await ownedFolder(draft, options.user);
  await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
  await giveTo(passwordFile, options.user);
  try {
    await runInitdb(draft, { ...options, passwordFile });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, cluster);
}

/** A folder only PostgreSQL's user may enter. */
export async function ownedFolder(folder: string, user: PostgresUser): Promise<void> {
  // The folders above stay open to pass through, or PostgreSQL's user could not come in.
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  await giveTo(folder, user);
}

/**
 * After a crash, postmaster.pid names a process that may be another by now (containers give the same pids again and again)
 * or one that ended and was never reaped; PostgreSQL takes both for a running server. The pid alone is replaced: the rest
 * lets PostgreSQL see whether processes of the crashed server still hold its memory.
 */
export async function forgetStalePid(cluster: string): Promise<void> {
  const file = join(cluster, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => '');
  const [pid, ...rest] = text.split('\n');
  if (pid && commandLine(Number(pid)).includes(cluster)) return;
  await forgetSockets(dirname(cluster));
  if (!pid) return;
  const neverUsedPid = 2_000_000_000;
  await writeFile(file, [String(neverUsedPid), ...rest].join('\n'));
}

/** Its socket and the lock of it, which names the same pid, lie beside the cluster. */
async function forgetSockets(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const left = names.filter((name) => name.startsWith('.s.PGSQL.'));
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })));
}

async function runInitdb(
  draft: string,
  { programs, user, passwordFile }: ClusterOptions & { passwordFile: string },
): Promise<void> {
  const { ok, output } = await run(
    [
      ...user.launcher,
      programs.initdb,
      ...['--pgdata', draft, '--username', postgresRole, '--pwfile', passwordFile],
      ...['--auth', 'scram-sha-256', '--locale=C', '--encoding=UTF8', '--data-checksums'],
      '--no-instructions',
    ],
    { cwd: draft, env: postgresEnv, spawnAs: user.spawnAs, timeoutMs: 120_000 },
  );
  if (ok) return;
  throw new StartupError(
    `PostgreSQL's files could not be made in ${draft}: ${lastLines(output)}. Mend that, or set DATABASE_URL to a PostgreSQL of your own.`,
  );
}

async function giveTo(path: string, { owner }: PostgresUser): Promise<void> {
  if (owner) await chown(path, owner.uid, owner.gid);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
