/** Places for work, so many for each key; whoever finds none waits in order. */
export type Places = {
  /**
   * Waits for a place, and takes as many as are free then, at most `most`. With `least` it waits a moment for so many:
   * what is begun together costs less. Rejects once closed.
   */
  take(key: string, most?: number, least?: number): Promise<number>;
  /** Whether there is none left. */
  isFull(key: string): boolean;
  give(key: string, count: number): void;
  /** Gives no more places: whoever waits for one hears `reason`. */
  close(reason: Error): void;
};

/** What may be begun in all, whichever key it is for: waits until some may, and returns how many. */
export type Credits = { take(most: number): Promise<number> };

type Waiting = {
  most: number;
  least: number;
  take: (count: number) => void;
  refuse: (reason: Error) => void;
};
type Line = { free: number; waiting: Waiting[]; serving: boolean };

const MOMENT_MS = 50;
const NO_END: Credits = { take: (most) => Promise.resolve(most) };

export function createPlaces(limit: number, credits: Credits = NO_END): Places {
  const lines = new Map<string, Line>();
  let closed: Error | null = null;

  function serve(key: string, line: Line): void {
    while (line.waiting.length > 0 && line.free >= line.waiting[0]!.least) {
      const { most, take } = line.waiting.shift()!;
      const count = Math.min(most, line.free);
      line.free -= count;
      take(count);
    }
    if (line.free === limit && lines.get(key) === line) lines.delete(key);
  }

  function takePlaces(key: string, { most, least }: { most: number; least: number }) {
    if (closed) return Promise.reject(closed);
    const line = lines.get(key) ?? { free: limit, waiting: [], serving: false };
    lines.set(key, line);
    return new Promise<number>((take, refuse) => {
      const waiting = { most, least: Math.min(least, most), take, refuse };
      line.waiting.push(waiting);
      serve(key, line);
      if (waiting.least === 1 || !line.waiting.includes(waiting)) return;
      setTimeout(() => {
        waiting.least = 1;
        serve(key, line);
      }, MOMENT_MS).unref();
    });
  }

  function give(key: string, count: number): void {
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
  }

  return {
    async take(key, most = 1, least = 1) {
      const count = await takePlaces(key, { most, least });
      // A destination that takes nothing must not keep credits from others: its place comes first.
      const granted = await credits.take(count);
      give(key, count - granted);
      return granted;
    },
    isFull: (key) => (lines.get(key)?.free ?? limit) === 0,
    give,
    close(reason) {
      closed = reason;
      for (const { waiting } of lines.values()) {
        for (const { refuse } of waiting.splice(0)) refuse(reason);
      }
    },
  };
}
