import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/embedded/ports.ts';
import { Fault } from '../fault.ts';
import { findDatabaseUrl } from './database-url.ts';
import type { Gateway } from './gateway.ts';

const START_MS = 120_000;
const STOP_MS = 30_000;
const ROOT = resolve(import.meta.dirname, '../..');

/** Starts a gateway on a fresh data directory and a free port, and waits until it is ready. */
export async function startGateway({
  profileDir,
}: {
  profileDir: string | null;
}): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const logFile = join(dataDir, 'gateway.log');
  const port = await freePort(0);
  const child = launch({ dataDir, logFile, port, profileDir });
  const stop = async () => {
    await end(child);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(url, child);
    const apiKey = process.env['API_KEY'] ?? (await readKey(dataDir));
    const databaseUrl = await findDatabaseUrl(dataDir);
    return { url, apiKey, pid: child.pid ?? null, databaseUrl, stop };
  } catch (error) {
    const said = (await readFile(logFile, 'utf8').catch(() => '')).slice(-2_000).trim();
    await stop();
    throw new Fault(`The gateway did not start: ${(error as Error).message} It said: ${said}`, {
      cause: error,
    });
  }
}

function launch({
  dataDir,
  logFile,
  port,
  profileDir,
}: {
  dataDir: string;
  logFile: string;
  port: number;
  profileDir: string | null;
}): ChildProcess {
  const out = openSync(logFile, 'a');
  const profiling =
    profileDir === null ? [] : ['--cpu-prof', '--cpu-prof-dir', resolve(profileDir)];
  const child = spawn(process.execPath, [...profiling, 'src/main.ts', 'all'], {
    cwd: ROOT,
    env: {
      // Destinations of a benchmark stand on this machine.
      EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
      LOG_LEVEL: 'warn',
      ...process.env,
      PORT: String(port),
      DATA_DIR: dataDir,
    },
    stdio: ['ignore', out, out],
  });
  closeSync(out);
  return child;
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (const until = Date.now() + START_MS; Date.now() < until; await sleep(100)) {
    if (child.exitCode !== null) throw new Fault(`It ended with code ${child.exitCode}.`);
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) return;
  }
  throw new Fault(`It was not ready within ${START_MS / 1_000} s.`);
}

async function readKey(dataDir: string): Promise<string> {
  return (await readFile(join(dataDir, 'secrets', 'api-key'), 'utf8')).trim();
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(timer);
}

/** Makes the folder a profile will be written to. */
export async function prepareProfileDir(dir: string | null): Promise<void> {
  if (dir !== null) await mkdir(dir, { recursive: true });
}
