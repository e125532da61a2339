type Lane = { beganAtMs: number; isFull: boolean };

export type BusySources = ReturnType<typeof createBusySources>;

/**
 * Knows which sources have their share of lanes. A second lane is for where the first has more than it can take, or
 * has been at it for long: otherwise what comes meanwhile goes together, and costs what one dispatch costs.
 */
export function createBusySources({
  lanesPerSource,
  patienceMs,
  now = () => performance.now(),
}: {
  lanesPerSource: number;
  patienceMs: number;
  now?: () => number;
}) {
  const lanesOf = new Map<string, Set<Lane>>();
  return {
    any: () => lanesOf.size > 0,
    /** How many lanes work for such sources. */
    lanesFor: (isSuch: (id: string) => boolean) =>
      [...lanesOf].reduce((n, [id, lanes]) => (isSuch(id) ? n + lanes.size : n), 0),
    hasItsShare(id: string): boolean {
      const lanes = [...(lanesOf.get(id) ?? [])];
      if (lanes.length >= lanesPerSource) return true;
      return lanes.some((lane) => !lane.isFull && now() - lane.beganAtMs < patienceMs);
    },
    /** A lane begins to work for a source; call what is returned when it has ended. */
    enter(id: string, { isFull }: { isFull: boolean }): () => void {
      const lane = { beganAtMs: now(), isFull };
      const lanes = lanesOf.get(id) ?? new Set();
      lanesOf.set(id, lanes.add(lane));
      return () => {
        lanes.delete(lane);
        if (lanes.size === 0) lanesOf.delete(id);
      };
    },
  };
}
