import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Tells one run of a process from any other, also from a later one that was given the same pid.
 * Undefined when no such process runs; a process that has ended but was not reaped does not run.
 */
export function processStamp(pid: number): string | undefined {
  return process.platform === 'linux' ? stampFromProc(pid) : stampFromPs(pid);
}

function stampFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold spaces and brackets, so the fields are counted from its last bracket.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'X' || (state === 'Z' && isWhollyEnded(pid))) return undefined;
    const startedTicks = rest[18];
    // Ticks count from the start of the machine, so a stamp of before a reboot must not match.
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${bootId}:${startedTicks}`;
  } catch {
    return undefined;
  }
}

/** A killed process keeps its ports and files until the last of its threads is gone, a while after the first. */
function isWhollyEnded(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).length <= 1;
}

function stampFromPs(pid: number): string | undefined {
  const { stdout } = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
  });
  const [state, ...started] = (stdout ?? '').trim().split(/\s+/);
  if (!state || state.startsWith('Z')) return undefined;
  return started.join(' ');
}

/** A process as it is written down: `stamp` guards against the pid being given to another. */
export type ProcessIdentity = { pid: number; stamp: string };

/** Whether exactly this run of the process still goes on. */
export function isRunning({ pid, stamp }: ProcessIdentity): boolean {
  return processStamp(pid) === stamp;
}

/** This very process, as written into locks and records. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, stamp: processStamp(process.pid) ?? '' };
}

/** The command a process was started with; empty when there is no such process, or it has ended. */
export function commandLine(pid: number): string {
  if (processStamp(pid) === undefined) return '';
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
