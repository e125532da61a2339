import { spawn } from 'node:child_process';
import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { z } from 'zod';
import type { Log } from '../log.ts';
import { StartupError } from './errors.ts';
import type { Exit } from './keep-running.ts';
import { poll } from './poll.ts';
import { isRunning, ownIdentity, processStamp } from './process-stamp.ts';
import type { ProcessIdentity } from './process-stamp.ts';

const identitySchema = z.object({ pid: z.int(), stamp: z.string() });
const recordSchema = z.object({ server: identitySchema, owner: identitySchema });

const maxLogBytes = 10 * 1024 * 1024;
/** Room for a Go panic, whose first line says what happened and whose hundreds of others do not. */
const tailBytes = 64 * 1024;

/** How a kind of server is asked to end: signals in order, each with the time it is given. */
export type StopPlan = { signal: NodeJS.Signals; graceMs: number }[];

export type ServerProcess = {
  pid: number;
  hasExited: () => boolean;
  /** Settles when the process is gone. */
  ended: Promise<Exit>;
  /** What it wrote since this launch, its end only. */
  output: () => string;
  stop: () => Promise<void>;
};

type LaunchOptions = {
  command: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
  spawnAs?: { uid?: number; gid?: number };
  logFile: string;
  recordFile: string;
  stopPlan: StopPlan;
};

/**
 * Starts a server in a session of its own, so that a Ctrl-C in the terminal reaches only us and we stop things in order.
 * It outlives a parent that is killed; the record file lets the next start find it (`stopLeftover`).
 */
export function launchServer(options: LaunchOptions): ServerProcess {
  const { command, args, cwd, env, spawnAs, logFile, recordFile, stopPlan } = options;
  const startBytes = rotate(logFile);
  const out = openSync(logFile, 'a', 0o600);
  const child = spawn(command, args, {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', out, out],
    ...spawnAs,
  });
  closeSync(out);
  let failure = '';
  const ended = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      failure = error.message;
      resolve({ code: null, signal: null });
    });
  });
  child.unref();

  const pid = child.pid ?? -1;
  const server = { pid, stamp: processStamp(pid) ?? 'ended' };
  writeFileSync(recordFile, JSON.stringify({ server, owner: ownIdentity() }), { mode: 0o600 });

  return {
    pid,
    hasExited: () => !isRunning(server),
    ended,
    output: () => failure + tail(logFile, startBytes),
    async stop() {
      await endProcess(server, stopPlan);
      rmSync(recordFile, { force: true });
    },
  };
}

/** Ends the server a killed gateway left behind in this data directory; refuses when its gateway still runs. */
export async function stopLeftover(
  recordFile: string,
  { name, stopPlan, log }: { name: string; stopPlan: StopPlan; log: Log },
): Promise<void> {
  const record = readRecord(recordFile);
  if (record && isRunning(record.server)) {
    if (isRunning(record.owner)) {
      throw new StartupError(
        `${name} of this data directory already runs for process ${record.owner.pid}. Stop that one first, or set DATA_DIR to another directory.`,
      );
    }
    log.warn({ serverPid: record.server.pid }, `Stopping the ${name} a killed process left behind`);
    await endProcess(record.server, stopPlan);
  }
  rmSync(recordFile, { force: true });
}

/** The pid of the server that a record file names, where it runs. */
export function recordedServer(recordFile: string): number | undefined {
  const record = readRecord(recordFile);
  return record && isRunning(record.server) ? record.server.pid : undefined;
}

async function endProcess(server: ProcessIdentity, plan: StopPlan): Promise<void> {
  for (const { signal, graceMs } of plan) {
    if (!isRunning(server)) return;
    try {
      process.kill(server.pid, signal);
    } catch {
      return;
    }
    await poll(() => !isRunning(server) || undefined, { timeoutMs: graceMs });
  }
}

function readRecord(recordFile: string): z.infer<typeof recordSchema> | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(recordFile, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Keeps one older log beside the current one; returns how long the current one is. */
function rotate(logFile: string): number {
  const bytes = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes < maxLogBytes) return bytes;
  renameSync(logFile, `${logFile}.1`);
  return 0;
}

function tail(logFile: string, fromBytes: number): string {
  try {
    return readFileSync(logFile).subarray(fromBytes).subarray(-tailBytes).toString('utf8');
  } catch {
    return '';
  }
}
