import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { startPostgres } from '../../src/embedded/postgres.ts';
import { findTemporalCli } from '../../src/embedded/temporal-cli.ts';
import { startTemporal } from '../../src/embedded/temporal-server.ts';
import { removeAtEnd } from '../support/left-behind.ts';
import { lastingPort } from '../support/ports.ts';
import { composeFile, root, type Service } from './compose-file.ts';

const log = pino({ level: 'silent' });
const superuser = { name: 'postgres', password: 'a'.repeat(32) };

/** What the containers would find: real servers, and the files of the image in a folder of their own. */
export type Stack = {
  folder: string;
  postgresPort: number;
  temporalAddress: string;
  temporalUiUrl: string;
  temporalCli: string;
  /** Connects as a role of this server. */
  query(role: { user: string; password: string; database: string }, text: string): Promise<unknown>;
  stop(): Promise<void>;
};

export async function startStack(): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-deploy-'));
  removeAtEnd(folder);
  const [postgres, temporal] = await Promise.all([
    startPostgres({ dataDir: folder, log, port: await lastingPort() }),
    startTemporal({
      dataDir: folder,
      namespace: 'default',
      port: await lastingPort(),
      uiPort: await lastingPort(),
      log,
    }),
  ]);
  await renameSuperuser(postgres.url);
  await copyImage(join(folder, 'app'));
  const temporalCli = await findTemporalCli({ dataDir: folder, log });
  // Scripts call it by its name.
  await mkdir(join(folder, 'bin'));
  await symlink(temporalCli, join(folder, 'bin', 'temporal'));
  return {
    folder,
    postgresPort: postgres.port,
    temporalAddress: temporal.address,
    temporalUiUrl: temporal.uiUrl,
    temporalCli,
    async query({ user, password, database }, text) {
      const client = new Client({
        host: '127.0.0.1',
        port: postgres.port,
        user,
        password,
        database,
      });
      await client.connect();
      try {
        const { rows } = await client.query<Record<string, unknown>>(text);
        return rows;
      } finally {
        await client.end();
      }
    },
    async stop() {
      await Promise.all([postgres.stop(), temporal.stop()]);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The image's server has the superuser postgres and nothing else; the embedded one's is named as our role is to be. */
async function renameSuperuser(url: string): Promise<void> {
  const run = async (connectionString: string, statements: string[]) => {
    const client = new Client({ connectionString });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };
  await run(url, [
    `create role ${superuser.name} superuser login password '${superuser.password}'`,
  ]);
  const own = new URL(url);
  own.username = superuser.name;
  own.password = superuser.password;
  own.pathname = '/postgres';
  await run(own.href, [
    'alter database sluice rename to embedded',
    'alter role sluice rename to embedded',
  ]);
}

/** What the Dockerfile copies, and the installed packages beside it. */
async function copyImage(app: string): Promise<void> {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
  for (const [, words = ''] of dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)) {
    for (const path of words.split(' ')) {
      await mkdir(dirname(join(app, path)), { recursive: true });
      await cp(join(root, path), join(app, path), { recursive: true });
    }
  }
  await symlink(join(root, 'node_modules'), join(app, 'node_modules'));
}

/** A service's environment and words, with the addresses that its containers would have made those of this machine. */
export function localized(
  stack: Stack,
  name: string,
): { service: Service; env: NodeJS.ProcessEnv } {
  const service = composeFile().services[name];
  if (!service) throw new Error(`No service ${name}`);
  const env = Object.entries(service.environment ?? {}).map(([key, value]) => [
    key,
    key === 'PGHOST'
      ? '127.0.0.1'
      : value
          .replace('temporal:7233', stack.temporalAddress)
          .replace('@postgres:5432', `@127.0.0.1:${stack.postgresPort}`),
  ]);
  const path = [join(stack.folder, 'bin'), dirname(process.execPath), process.env['PATH']];
  return {
    service,
    env: {
      PATH: path.join(delimiter),
      PGPORT: String(stack.postgresPort),
      ...(Object.fromEntries(env) as Record<string, string>),
    },
  };
}

/** Runs a job's script to its end, as its container would. */
export function runJob(
  stack: Stack,
  name: string,
  changes: NodeJS.ProcessEnv = {},
): { status: number | null; output: string } {
  const { service, env } = localized(stack, name);
  const words = [...(service.entrypoint ?? []), ...(service.command ?? [])];
  const mounts = (service.volumes ?? []).map((mount) => mount.split(':'));
  const [command = '', ...args] = words.map((word) => {
    const mount = mounts.find(([, target]) => target === word);
    return mount?.[0] ? join(root, mount[0]) : word;
  });
  return runToEnd(command, args, { env: { ...env, ...changes }, cwd: join(stack.folder, 'app') });
}

export function runToEnd(
  command: string,
  args: string[],
  { env, cwd }: { env: NodeJS.ProcessEnv; cwd?: string },
): { status: number | null; output: string } {
  const options = { env, encoding: 'utf8', timeout: 100_000, ...(cwd ? { cwd } : {}) } as const;
  const { status, stdout, stderr } = spawnSync(command, args, options);
  return { status, output: `${stdout}${stderr}` };
}

/** A container of the gateway that goes on until it is stopped; `stop` gives its exit code. */
export function startGateway(
  stack: Stack,
  name: 'api' | 'worker',
  port: number,
): { output: () => string; stop: () => Promise<unknown> } {
  const { service, env } = localized(stack, name);
  const [command = '', ...args] = service.command ?? [];
  const gateway = spawn(command, args, {
    cwd: join(stack.folder, 'app'),
    env: { ...env, HOST: '127.0.0.1', PORT: String(port), DATA_DIR: join(stack.folder, name) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [gateway.stdout, gateway.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const ended = once(gateway, 'exit');
  return {
    output: () => output,
    async stop() {
      gateway.kill('SIGTERM');
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}
