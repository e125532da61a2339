/** Lets at most `limit` pieces of work run at once for each key; the others wait in order. */
export function createLimiter(limit: number) {
  const queues = new Map<string, { running: number; waiting: (() => void)[] }>();
  return async function limited<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    let queue = queues.get(key);
    if (!queue) queues.set(key, (queue = { running: 0, waiting: [] }));
    if (queue.running >= limit) await new Promise<void>((resolve) => queue.waiting.push(resolve));
    else queue.running++;
    try {
      return await work();
    } finally {
      // The place passes from hand to hand, so nobody can slip in between.
      const next = queue.waiting.shift();
      if (next) next();
      else if (--queue.running === 0) queues.delete(key);
    }
  };
}
