import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';

/** A process as the system lists it. */
export type SystemProcess = { pid: number; parentPid: number; command: string };

/** Every process that has not ended. */
export function systemProcesses(): SystemProcess[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.split('\n').flatMap((line) => {
    const found = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    // Zl: of one that was killed, some threads have yet to end, and hold what it had.
    if (!found || /^Z(?!.*l)/.test(found[3]!)) return [];
    return [{ pid: Number(found[1]), parentPid: Number(found[2]), command: found[4]! }];
  });
}

/** A process with all that descend from it. */
export function familyOf(pid: number): number[] {
  const all = systemProcesses();
  const family = [pid];
  for (const member of family) {
    family.push(...all.filter((one) => one.parentPid === member).map((one) => one.pid));
  }
  return family;
}

/** The processes that belong to a folder: named in the command, worked in, or handed over in the environment. */
export function processesOf(folder: string): SystemProcess[] {
  return systemProcesses().filter(
    ({ pid, command }) => command.includes(folder) || belongs(pid, folder),
  );
}

/** Ends processes at once, as a crash does; those that have ended already are passed over. */
export function killAll(pids: number[], signal: NodeJS.Signals = 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      continue;
    }
  }
}

/** The processes PostgreSQL has forked show neither their folder nor a command of ours. */
function belongs(pid: number, folder: string): boolean {
  if (!existsSync('/proc/self')) return false;
  try {
    if (readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)) return true;
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DATA_DIR=${folder}`);
  } catch {
    return false;
  }
}
