export type BusySources = ReturnType<typeof createBusySources>;

/** Counts the lanes that each source keeps busy. */
export function createBusySources(lanesPerSource: number) {
  const lanes = new Map<string, number>();
  return {
    any: () => lanes.size > 0,
    isFull: (id: string) => (lanes.get(id) ?? 0) >= lanesPerSource,
    enter(ids: string[]) {
      for (const id of ids) lanes.set(id, (lanes.get(id) ?? 0) + 1);
    },
    leave(ids: string[]) {
      for (const id of ids) {
        const left = (lanes.get(id) ?? 1) - 1;
        if (left === 0) lanes.delete(id);
        else lanes.set(id, left);
      }
    },
  };
}
