// Isolates of the `fast` level: kept for one version of one tenant's transformation, a fresh context
// per event, given up at the first sign of trouble.
import type ivm from 'isolated-vm';
import type { ChildSettings } from './protocol.ts';

type Kept = { readonly isolate: ivm.Isolate; readonly code: string; runs: number };

export type KeptIsolates = {
  readonly take: (key: string, code: string) => ivm.Isolate | undefined;
  readonly giveBack: (key: string, code: string, isolate: ivm.Isolate) => void;
};

function isTired(kept: Kept, settings: ChildSettings): boolean {
  if (kept.runs >= settings.keptIsolateRuns) return true;
  const { used_heap_size: used } = kept.isolate.getHeapStatisticsSync();
  return used > settings.isolateMemoryMb * 1024 * 1024 * 0.6;
}

/** A small least-recently-used store; what it gives out belongs to the taker until given back. */
export function createKeptIsolates(settings: ChildSettings): KeptIsolates {
  const kept = new Map<string, Kept>();
  const runs = new WeakMap<ivm.Isolate, number>();
  return {
    take(key, code) {
      const found = kept.get(key);
      kept.delete(key);
      if (found === undefined) return undefined;
      if (found.code === code) return found.isolate;
      found.isolate.dispose();
      return undefined;
    },
    giveBack(key, code, isolate) {
      const entry = { isolate, code, runs: (runs.get(isolate) ?? 0) + 1 };
      runs.set(isolate, entry.runs);
      if (isTired(entry, settings)) {
        isolate.dispose();
        return;
      }
      kept.set(key, entry);
      const [oldest] = kept;
      if (kept.size <= settings.keptIsolates || oldest === undefined) return;
      kept.delete(oldest[0]);
      oldest[1].isolate.dispose();
    },
  };
}
