/** Places for work, so many for each key; whoever finds none waits in order. */
export type Places = {
  /** Waits for a place, and takes as many as are free then, at most `most`. Rejects once closed. */
  take(key: string, most?: number): Promise<number>;
  give(key: string, count: number): void;
  /** Gives no more places: whoever waits for one hears `reason`. */
  close(reason: Error): void;
};

type Waiting = { most: number; take: (count: number) => void; refuse: (reason: Error) => void };
type Line = { free: number; waiting: Waiting[]; serving: boolean };

export function createPlaces(limit: number): Places {
  const lines = new Map<string, Line>();
  let closed: Error | null = null;

  function serve(key: string, line: Line): void {
    while (line.free > 0 && line.waiting.length > 0) {
      const { most, take } = line.waiting.shift()!;
      const count = Math.min(most, line.free);
      line.free -= count;
      take(count);
    }
    if (line.free === limit && lines.get(key) === line) lines.delete(key);
  }

  return {
    take(key, most = 1) {
      if (closed) return Promise.reject(closed);
      let line = lines.get(key);
      if (!line) lines.set(key, (line = { free: limit, waiting: [], serving: false }));
      const { waiting } = line;
      const taken = new Promise<number>((take, refuse) => waiting.push({ most, take, refuse }));
      serve(key, line);
      return taken;
    },
    give(key, count) {
      const line = lines.get(key);
      if (!line || count === 0) return;
      line.free += count;
      if (line.waiting.length === 0) return serve(key, line);
      // Attempts whose outcomes are written together end together: whoever waits gets all their places at once.
      if (line.serving) return;
      line.serving = true;
      setImmediate(() => {
        line.serving = false;
        serve(key, line);
      });
    },
    close(reason) {
      closed = reason;
      for (const { waiting } of lines.values()) {
        for (const { refuse } of waiting.splice(0)) refuse(reason);
      }
    },
  };
}
