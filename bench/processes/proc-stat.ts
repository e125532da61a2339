/** One line of /proc/<pid>/stat, as far as we need it; CPU in clock ticks, that of ended and reaped children apart. */
export type ProcStat = {
  pid: number;
  parent: number;
  command: string;
  ownTicks: number;
  childTicks: number;
};

/** Reads a stat line; null for what is not one. */
export function parseProcStat(line: string): ProcStat | null {
  // The command name may hold spaces and brackets: fields are counted from its last bracket.
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open === -1 || close === -1) return null;
  const fields = line.slice(close + 2).split(' ');
  const ticks = (index: number) => Number(fields[index]);
  return {
    pid: Number(line.slice(0, open)),
    parent: ticks(1),
    command: line.slice(open + 1, close),
    ownTicks: ticks(11) + ticks(12),
    childTicks: ticks(13) + ticks(14),
  };
}
