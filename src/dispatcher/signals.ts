/** Lanes for sources with user code, lanes for all others, and one for what a process may have died of. */
export type LaneKind = 'plain' | 'code' | 'suspect';
export type Signals = ReturnType<typeof createSignals>;

/** What lanes wait for: work, the end of a routing, the end of everything. */
export function createSignals() {
  let stopped = false;
  const idle: Record<LaneKind, (() => void)[]> = { plain: [], code: [], suspect: [] };
  const routing = new Map<string, () => void>();
  // Nobody was idle to hear of it: the next one that would be looks once more.
  const missed: Record<LaneKind, boolean> = { plain: false, code: false, suspect: false };
  const wakeNext = (lane: LaneKind) => {
    const resolve = idle[lane].shift();
    if (resolve) resolve();
    else missed[lane] = true;
  };
  // New requests are no suspects: that lane has nothing to look for when they come.
  const wake = () => {
    wakeNext('plain');
    wakeNext('code');
  };
  return {
    wake,
    /** Requests came back from a dispatcher that is gone: any of them may be what it died of. */
    wakeForReclaimed() {
      wake();
      wakeNext('suspect');
    },
    wakeNext,
    stopped: () => stopped,
    stop() {
      stopped = true;
      for (const resolve of [...Object.values(idle).flat(), ...routing.values()]) resolve();
    },
    routed: (dispatchId: string) => routing.get(dispatchId)?.(),
    async work(lane: LaneKind, withinMs: number): Promise<void> {
      if (stopped || missed[lane]) {
        missed[lane] = false;
        return;
      }
      const work = Promise.withResolvers<void>();
      idle[lane].push(work.resolve);
      const isWoken = await within(work.promise, withinMs);
      // One that looks by itself must not take the next waking from another.
      if (!isWoken) idle[lane] = idle[lane].filter((resolve) => resolve !== work.resolve);
    },
    untilRouted(dispatchId: string) {
      const done = Promise.withResolvers<void>();
      routing.set(dispatchId, done.resolve);
      const forget = () => void routing.delete(dispatchId);
      return {
        forget,
        async within(ms: number): Promise<boolean> {
          const isRouted = await within(done.promise, ms);
          if (isRouted) forget();
          return isRouted;
        },
      };
    },
  };
}

function within(promise: Promise<void>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    void promise.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
