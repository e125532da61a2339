import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

// Three times as much for what is not told to give way. With more, one busy neighbour would bring deliveries to a stop.
const NICENESS = 5;

/**
 * Lets a process have what others leave of the processors: what takes requests in goes before what delivers them.
 * Where the system does not allow it, everything stays as it is.
 */
export function giveWay(pid: number): void {
  for (const thread of threadsOf(pid)) {
    attempt(() => setPriority(thread, NICENESS));
  }
}

/** Linux may also share out the processors by session first (sched_autogroup): for a server with a session of its own. */
export function giveWayAsSession(pid: number): void {
  giveWay(pid);
  attempt(() => writeFileSync(`/proc/${pid}/autogroup`, String(NICENESS)));
}

/** On Linux a priority is one thread's, and those it starts take after it. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [pid];
  }
}

function attempt(change: () => void): void {
  try {
    change();
  } catch {
    // It ended meanwhile, or may not be changed.
  }
}
