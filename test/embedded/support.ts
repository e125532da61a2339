import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { removeAtEnd } from '../support/left-behind.ts';

/** A logger that writes nothing. */
export const silentLog = pino({ level: 'silent' });

/** A directory under the system's temporary one, removed when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-embedded-'));
  removeAtEnd(folder);
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Occupies a port until the test is over. */
export function takenPort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  onTestFinished(() => void server.close());
  return promise;
}

type HeldServer = { pid: number; url?: string; address?: string };

/** Starts servers in a process of their own, as a gateway does, so that this process can be killed. */
export async function startInOtherProcess(
  kind: 'postgres' | 'temporal' | 'lock',
  { dataDir, port = 0 }: { dataDir: string; port?: number },
): Promise<{ parent: ChildProcess; server: HeldServer; kill: () => Promise<void> }> {
  const script = fileURLToPath(new URL('./hold-server.ts', import.meta.url));
  const parent = spawn(process.execPath, [script, kind, dataDir, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => parent.once('exit', () => resolve()));
  const { promise, resolve, reject } = Promise.withResolvers<HeldServer>();
  let output = '';
  parent.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.endsWith('\n')) resolve(JSON.parse(output) as HeldServer);
  });
  void ended.then(() => reject(new Error(`the holding process ended: ${output}`)));
  const kill = async () => {
    parent.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  return { parent, server: await promise, kill };
}
