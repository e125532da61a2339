import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, portsLeftAlone } from '../../src/embedded/ports.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from '../../src/embedded/process-stamp.ts';
import { removeAtEnd } from './left-behind.ts';

// All test runs of this machine look here: each port in use is a file that names the process it belongs to.
const RESERVED = join(tmpdir(), `sluice-ports-${process.getuid?.() ?? 0}`);

/**
 * A port of this process alone until it ends, for a server that has to find it free again after it was stopped or
 * killed: none that the system hands out, and none of the other files' that run at the same time.
 */
export async function lastingPort(): Promise<number> {
  const { first, last } = portsLeftAlone() ?? { first: 11_000, last: 29_000 };
  mkdirSync(RESERVED, { recursive: true });
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    if (reserve(port) && (await freePort(port)) === port) return port;
  }
}

function reserve(port: number): boolean {
  const file = join(RESERVED, String(port));
  try {
    writeFileSync(file, JSON.stringify(ownIdentity()), { flag: 'wx' });
    removeAtEnd(file);
    return true;
  } catch {
    if (!isReserved(file)) rmSync(file, { force: true });
    return false;
  }
}

function isReserved(file: string): boolean {
  try {
    return isRunning(JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity);
  } catch {
    // Just being written, or just removed.
    return true;
  }
}
