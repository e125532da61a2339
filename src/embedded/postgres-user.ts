import { spawnSync } from 'node:child_process';
import { StartupError } from './errors.ts';

type Ids = { uid: number; gid: number };

/** How PostgreSQL's programs are run: who owns its files, which ids they are spawned with, behind which launcher. */
export type PostgresUser = { owner?: Ids; spawnAs: Partial<Ids>; launcher: string[] };

const systemUser = 'sluice';
const asOurselves: PostgresUser = { spawnAs: {}, launcher: [] };

/**
 * PostgreSQL refuses to run as root; then it runs as the system's `postgres` user, or as one made for the purpose.
 * Anybody else runs it as themselves.
 */
export function findPostgresUser(): PostgresUser {
  if (process.getuid?.() !== 0) return asOurselves;
  const ids = idsOf('postgres') ?? idsOf(systemUser) ?? createSystemUser();
  if (!ids) {
    throw new StartupError(
      `PostgreSQL does not run as root, and no system user could be made for it. Start as another user, run "useradd --system ${systemUser}" once, or set DATABASE_URL.`,
    );
  }
  return { owner: ids, spawnAs: ids, launcher: [] };
}

/**
 * Makes sure the user reaches both the programs and the folder. A clone under /root is closed to everyone else; there the
 * programs get the one capability that lets them pass closed directories and read files, and nothing more of root's.
 */
export function withAccess(
  user: PostgresUser,
  { program, folder }: { program: string; folder: string },
): PostgresUser {
  if (!user.owner || reaches(user, { program, folder })) return user;
  const passing = { owner: user.owner, spawnAs: {}, launcher: passingLauncher(user.owner) };
  if (reaches(passing, { program, folder })) return passing;
  throw new StartupError(
    `PostgreSQL runs as an unprivileged user, which cannot enter ${folder} or run ${program}. Move the project and DATA_DIR out of directories only root may enter, start as another user, or set DATABASE_URL.`,
  );
}

function passingLauncher({ uid, gid }: Ids): string[] {
  // Without no_setuid_fixup, access(2) ignores capabilities, and PostgreSQL asks it about its own program.
  return [
    'setpriv',
    ...['--reuid', String(uid), '--regid', String(gid), '--clear-groups'],
    ...['--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search'],
    ...['--securebits', '+no_setuid_fixup'],
  ];
}

function reaches(user: PostgresUser, paths: { program: string; folder: string }): boolean {
  const script = 'cd "$1" && test -w . && test -x "$2" && "$2" --version';
  const [command, ...args] = [
    ...user.launcher,
    'sh',
    '-c',
    script,
    'sh',
    paths.folder,
    paths.program,
  ];
  const { status } = spawnSync(command, args, {
    cwd: '/',
    stdio: 'ignore',
    ...user.spawnAs,
  });
  return status === 0;
}

/** useradd on most systems, adduser where only busybox is there. */
const waysToCreate = [
  ['useradd', '--system', '--user-group', '--no-create-home', systemUser],
  ['adduser', '-S', '-D', '-H', systemUser],
] as const;

function createSystemUser(): Ids | undefined {
  for (const [command, ...args] of waysToCreate) {
    spawnSync(command, args);
    const ids = idsOf(systemUser);
    if (ids) return ids;
  }
  return undefined;
}

function idsOf(name: string): Ids | undefined {
  const uid = spawnSync('id', ['-u', name], { encoding: 'utf8' });
  const gid = spawnSync('id', ['-g', name], { encoding: 'utf8' });
  if (uid.status !== 0 || gid.status !== 0) return undefined;
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
