/** Places for work, so many for each key; whoever finds none waits in order. */
export type Places = {
  /** Waits for a place, and takes as many as are free then, at most `most`. */
  take(key: string, most?: number): Promise<number>;
  give(key: string, count: number): void;
};

type Line = { free: number; waiting: { most: number; take: (count: number) => void }[] };

export function createPlaces(limit: number): Places {
  const lines = new Map<string, Line>();

  function serve(key: string, line: Line): void {
    while (line.free > 0 && line.waiting.length > 0) {
      const { most, take } = line.waiting.shift()!;
      const count = Math.min(most, line.free);
      line.free -= count;
      take(count);
    }
    if (line.free === limit) lines.delete(key);
  }

  return {
    take(key, most = 1) {
      let line = lines.get(key);
      if (!line) lines.set(key, (line = { free: limit, waiting: [] }));
      const { waiting } = line;
      const taken = new Promise<number>((resolve) => waiting.push({ most, take: resolve }));
      serve(key, line);
      return taken;
    },
    give(key, count) {
      const line = lines.get(key);
      if (!line || count === 0) return;
      line.free += count;
      serve(key, line);
    },
  };
}
