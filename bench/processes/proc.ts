import { readdirSync, readFileSync } from 'node:fs';
import { parseProcStat, type ProcStat } from './proc-stat.ts';

/** Ticks of /proc in a second; the kernel shows 100 to every program, whatever it counts by itself. */
export const TICKS_PER_SECOND = 100;

const PAGE_BYTES = 4_096;

/** Every process there is now. */
export function readProcesses(): ProcStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => parseProcStat(read(`/proc/${pid}/stat`)) ?? []);
}

/** Resident bytes; pages shared with others count in full. */
export function residentBytes(pid: number): number {
  return Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * PAGE_BYTES;
}

/** Proportional bytes: a page shared by n processes counts an n-th in each. 0 where it may not be read. */
export function proportionalBytes(pid: number): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`));
  return Number(found?.[1] ?? 0) * 1_024;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Processes end while we look.
    return '';
  }
}
