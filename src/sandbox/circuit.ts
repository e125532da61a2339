// Stops a transformation version that keeps costing children, without a clock of its own.

export type Circuit = {
  readonly recordKill: (key: string, nowMs: number) => void;
  /** When the circuit of this version closes again; `undefined` while it is closed. */
  readonly openUntil: (key: string, nowMs: number) => number | undefined;
};

/** Opens after `kills` kills within `windowMs`, until the first of them is that long ago. */
export function createCircuit({ kills, windowMs }: { kills: number; windowMs: number }): Circuit {
  const killedAt = new Map<string, number[]>();
  const recent = (key: string, nowMs: number): number[] => {
    const times = (killedAt.get(key) ?? []).filter((time) => time > nowMs - windowMs);
    if (times.length === 0) killedAt.delete(key);
    else killedAt.set(key, times);
    return times;
  };
  return {
    recordKill(key, nowMs) {
      killedAt.set(key, [...recent(key, nowMs), nowMs].slice(-kills));
    },
    openUntil(key, nowMs) {
      const times = recent(key, nowMs);
      const [first] = times;
      return times.length >= kills && first !== undefined ? first + windowMs : undefined;
    },
  };
}
